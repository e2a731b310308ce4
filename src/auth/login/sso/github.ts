/**
 * GitHub as an identity provider: OAuth 2.0 (RFC 6749) with PKCE (RFC 7636), and the REST API for who it is and which
 * teams they belong to. A team counts by its organization's login and its own slug, both.
 * @module
 */
import { randomBytes } from "node:crypto";
import * as v from "valibot";
import type { githubSchema } from "../../../model/resource/connectors.ts";
import { ADMIN_ROLE } from "../../../model/user.ts";
import { challengeOf } from "./pkce.ts";
import {
  type Begun,
  excerpt,
  type ExternalUser,
  type Fields,
  type IdentityProvider,
  SsoRefused,
} from "./provider.ts";
import type { ProviderClient } from "./provider_client.ts";

export type GithubSpec = v.InferOutput<typeof githubSchema>["spec"];

const WEB = "https://github.com";
const API = "https://api.github.com";
/** https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps */
const SCOPES = "user:email read:org";
const PAGE = 100;
const MAX_PAGES = 20;

const Granted = v.object({ access_token: v.pipe(v.string(), v.minLength(1), v.maxLength(4096)) });
const Account = v.object({ login: v.string(), id: v.pipe(v.number(), v.safeInteger()) });
const Teams = v.array(v.object({ slug: v.string(), organization: v.object({ login: v.string() }) }));

interface Team {
  organization: string;
  slug: string;
}

/** The hosts that an administrator has named. */
export function githubPlaces({ endpoint_url: web = WEB, api_endpoint_url: api }: GithubSpec) {
  return { web: trimmed(web), api: trimmed(api ?? (trimmed(web) === WEB ? API : `${trimmed(web)}/api/v3`)) };
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, "");
}

export class GithubProvider implements IdentityProvider {
  readonly #places: { web: string; api: string };

  /** @param isRole whether a word of the mapping names a role */
  constructor(
    readonly spec: GithubSpec,
    readonly client: ProviderClient,
    readonly isRole: (name: string) => Promise<boolean>,
  ) {
    this.#places = githubPlaces(spec);
  }

  begin(state: string): Promise<Begun> {
    const verifier = randomBytes(32).toString("base64url");
    const url = new URL(`${this.#places.web}/login/oauth/authorize`);
    url.search = new URLSearchParams({
      client_id: this.spec.client_id,
      redirect_uri: this.spec.redirect_url,
      scope: SCOPES,
      state,
      code_challenge: challengeOf(verifier),
      code_challenge_method: "S256",
    }).toString();
    return Promise.resolve({ url: url.href, memory: { verifier } });
  }

  async finish(fields: Fields, memory: Readonly<Record<string, string>>): Promise<ExternalUser> {
    if (fields.error !== undefined) {
      throw new SsoRefused(
        "refused",
        `GitHub: ${excerpt(fields.error)} ${excerpt(fields.error_description ?? "")}`,
      );
    }
    const token = await this.#exchange(fields.code ?? "", memory.verifier ?? "");
    const headers = { authorization: `Bearer ${token}`, accept: "application/vnd.github+json" };
    const { api } = this.#places;
    const account = read(Account, (await this.client.json(`${api}/user`, { headers })).body, "the account");
    const teams = await this.#teams(headers);
    const { roles, logins } = await this.#mapped(account.login, teams);
    return {
      name: account.login,
      username: account.login,
      subject: String(account.id),
      roles,
      claims: {
        logins,
        github_teams: teams.map(({ organization, slug }) => `${organization}/${slug}`),
      },
    };
  }

  async #exchange(code: string, verifier: string): Promise<string> {
    if (code === "" || code.length > 1024) throw new SsoRefused("invalid", "GitHub sent no code");
    const { body } = await this.client.json(`${this.#places.web}/login/oauth/access_token`, {
      form: new URLSearchParams({
        client_id: this.spec.client_id,
        client_secret: this.spec.client_secret ?? "",
        code,
        redirect_uri: this.spec.redirect_url,
        code_verifier: verifier,
      }),
    });
    // A failure comes with the status 200 as well.
    const error = v.safeParse(v.object({ error: v.string() }), body);
    if (error.success) {
      throw new SsoRefused("invalid", `GitHub takes no such code: ${excerpt(error.output.error)}`);
    }
    return read(Granted, body, "the token").access_token;
  }

  /** All teams that GitHub tells of; it hides those of organizations that have not granted the application access. */
  async #teams(headers: Readonly<Record<string, string>>): Promise<Team[]> {
    const teams: Team[] = [];
    for (let page = 1; page <= MAX_PAGES; page++) {
      const address = `${this.#places.api}/user/teams?per_page=${PAGE}&page=${page}`;
      const answer = await this.client.json(address, { headers });
      const listed = read(Teams, answer.body, "the teams");
      teams.push(...listed.map(({ slug, organization }) => ({ organization: organization.login, slug })));
      // The next page's number is all that is taken from the header: not where it is said to be.
      if (!/<[^>]*>;\s*rel="next"/.test(String(answer.headers.link ?? ""))) return teams;
    }
    throw new SsoRefused("provider", `GitHub tells of more than ${MAX_PAGES * PAGE} teams`);
  }

  /** GitHub compares names of organizations without case; so slugs, which have none. */
  async #mapped(login: string, teams: readonly Team[]): Promise<{ roles: string[]; logins: string[] }> {
    const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
    const mapped = this.spec.teams_to_logins.filter(({ organization, team }) =>
      teams.some((mine) => same(mine.organization, organization) && same(mine.slug, team))
    );
    if (mapped.length === 0) {
      const known = this.spec.teams_to_logins.some(({ organization }) =>
        teams.some((mine) => same(mine.organization, organization))
      );
      const mine = excerpt(teams.map(({ organization, slug }) => `${organization}/${slug}`).join(", "));
      throw known
        ? new SsoRefused("unmapped", `${excerpt(login)} is in no mapped team, but in: ${mine}`)
        : new SsoRefused(
          "organizations",
          `GitHub shows no mapped organization of ${
            excerpt(login)
          }: not a member, or the application was not granted access to it`,
        );
    }
    const roles = new Set<string>();
    const logins = new Set<string>();
    for (const word of mapped.flatMap(({ logins }) => logins)) {
      (await this.isRole(word) ? roles : logins).add(word);
    }
    // Names of logins alone are the manual's case: the role that everybody has, with these.
    if (roles.size === 0) roles.add(ADMIN_ROLE);
    return { roles: [...roles], logins: [...logins] };
  }
}

function read<T extends v.GenericSchema>(schema: T, body: unknown, what: string): v.InferOutput<T> {
  const result = v.safeParse(schema, body);
  if (result.success) return result.output;
  throw new SsoRefused("provider", `GitHub's answer about ${what} has another form than expected`);
}
