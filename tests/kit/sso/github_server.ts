/**
 * A stand-in for GitHub over HTTPS: the pages of OAuth and the parts of the REST API that a login uses, as strict as
 * GitHub is. Nobody has to agree to anything: the browser is sent back at once.
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { type ProviderTls, providerTls } from "./tls.ts";

export interface GithubAccount {
  login: string;
  id: number;
  /** `organization/slug` */
  teams: string[];
  /** Whose owners have not granted the application access: GitHub does not tell of them. */
  hidden?: string[];
}

interface Grant {
  account: GithubAccount;
  redirect: string;
  challenge: string;
}

export class GithubServer implements AsyncDisposable {
  /** Who sits at the browser; undefined: who declines. */
  account: GithubAccount | undefined;
  /** Of how many teams a page has. */
  pageSize = 2;
  /** All paths that were asked for. */
  readonly asked: string[] = [];
  /** In place of the API's answers: path and what to do. */
  readonly instead = new Map<string, (response: ServerResponse) => void>();
  readonly #codes = new Map<string, Grant>();
  readonly #tokens = new Map<string, GithubAccount>();

  private constructor(
    readonly server: Server,
    readonly tls: ProviderTls,
    readonly clientId: string,
    readonly clientSecret: string,
  ) {
    server.on("request", (request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<GithubServer> {
    const tls = await providerTls();
    const server = createServer({ key: tls.key, cert: tls.cert });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new GithubServer(server, tls, "client-of-the-test", randomBytes(16).toString("hex"));
  }

  get url(): string {
    const { port } = this.server.address() as { port: number };
    return `https://127.0.0.1:${port}`;
  }

  /** The connector for a proxy. */
  connector(
    proxy: string,
    teams: { organization: string; team: string; logins: string[] }[],
    name = "github",
  ) {
    return {
      kind: "github",
      version: "v3",
      metadata: { name },
      spec: {
        client_id: this.clientId,
        client_secret: this.clientSecret,
        display: "Github",
        redirect_url: `https://${proxy}/v1/webapi/github/callback`,
        teams_to_logins: teams,
        endpoint_url: this.url,
        api_endpoint_url: `${this.url}/api/v3`,
        ca_cert: this.tls.ca,
      },
    };
  }

  /** A code for an account, as somebody else's browser may have got one. */
  code(account: GithubAccount, redirect: string, verifier: string): string {
    const challenge = createHash("sha256").update(verifier).digest("base64url");
    return this.#code({ account, redirect, challenge });
  }

  #code(grant: Grant): string {
    const code = randomBytes(10).toString("hex");
    this.#codes.set(code, grant);
    return code;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    this.asked.push(url.pathname);
    const instead = this.instead.get(url.pathname);
    if (instead) return instead(response);
    if (url.pathname === "/login/oauth/authorize") return this.#authorize(url, response);
    if (url.pathname === "/login/oauth/access_token" && request.method === "POST") {
      const chunks: Uint8Array[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const form = new URLSearchParams(
        new TextDecoder().decode(await new Blob(chunks as BlobPart[]).arrayBuffer()),
      );
      return this.#exchange(form, response);
    }
    const account = this.#tokens.get(/^Bearer (.*)$/.exec(request.headers.authorization ?? "")?.[1] ?? "");
    if (!account) return json(response, 401, { message: "Bad credentials" });
    if (url.pathname === "/api/v3/user") {
      return json(response, 200, { login: account.login, id: account.id, email: null });
    }
    if (url.pathname === "/api/v3/user/teams") return this.#teams(url, account, response);
    json(response, 404, { message: "Not Found" });
  }

  #authorize({ searchParams: asked }: URL, response: ServerResponse): void {
    const redirect = asked.get("redirect_uri") ?? "";
    const back = new URL(redirect);
    back.searchParams.set("state", asked.get("state") ?? "");
    const scopes = (asked.get("scope") ?? "").split(" ");
    if (asked.get("client_id") !== this.clientId || !scopes.includes("read:org")) {
      return void response.writeHead(404).end();
    }
    if (!this.account) {
      back.searchParams.set("error", "access_denied");
      back.searchParams.set("error_description", "The user has denied your application access.");
    } else {
      const challenge = asked.get("code_challenge") ?? "";
      back.searchParams.set("code", this.#code({ account: this.account, redirect, challenge }));
    }
    response.writeHead(302, { location: back.href }).end();
  }

  #exchange(form: URLSearchParams, response: ServerResponse): void {
    const code = form.get("code") ?? "";
    const grant = this.#codes.get(code);
    this.#codes.delete(code);
    const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
    const isRight = grant && form.get("client_id") === this.clientId &&
      form.get("client_secret") === this.clientSecret && form.get("redirect_uri") === grant.redirect &&
      challenge === grant.challenge;
    // GitHub says so with the status 200.
    if (!grant || !isRight) return json(response, 200, { error: "bad_verification_code" });
    const token = `gho_${randomBytes(16).toString("hex")}`;
    this.#tokens.set(token, grant.account);
    json(response, 200, { access_token: token, token_type: "bearer", scope: "read:org,user:email" });
  }

  #teams({ searchParams: asked, pathname }: URL, account: GithubAccount, response: ServerResponse): void {
    const page = Number(asked.get("page") ?? 1);
    const size = Math.min(Number(asked.get("per_page") ?? 30), this.pageSize);
    const seen = account.teams.filter((team) => !account.hidden?.includes(team.split("/")[0] ?? ""));
    const items = seen.slice((page - 1) * size, page * size).map((team) => {
      const [organization = "", slug = ""] = team.split("/");
      return { slug, name: `The ${slug}`, organization: { login: organization } };
    });
    const next = seen.length > page * size
      ? `<${this.url}${pathname}?page=${page + 1}>; rel="next"`
      : undefined;
    json(response, 200, items, next === undefined ? {} : { link: next });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}
