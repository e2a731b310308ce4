/**
 * Users whom an identity provider vouches for. Their records are made at the login, say what the provider said, and are
 * gone when the certificate is. A record that somebody else has made, or that is another account's, is never touched.
 * @module
 */
import type { Clock } from "../../../base/clock.ts";
import { CERTIFICATE_TTL } from "../../../model/limits.ts";
import { isUserName } from "../../../model/name.ts";
import type { UserRecord } from "../../../model/resource/user.ts";
import type { SsoKind } from "../../../model/sso.ts";
import { barred, type Traits, type UserConnector } from "../../../model/user.ts";
import { saysTheSame } from "../../resources/kind.ts";
import type { Rights } from "../../rights.ts";
import type { Roles } from "../../roles.ts";
import type { Users } from "../../users.ts";
import { excerpt, type ExternalUser, SsoRefused } from "./provider.ts";

/** What is kept of what a provider says. */
const MAX_TRAITS = 64;
const MAX_VALUES = 256;
const MAX_TEXT = 1024;
const MAX_BYTES = 24 * 1024;
const ATTEMPTS = 5;

export interface Vouched {
  user: UserRecord;
  change: "created" | "updated" | "unchanged";
}

export class ExternalUsers {
  constructor(
    readonly users: Users,
    readonly roles: Roles,
    readonly rights: Rights,
    readonly clock: Clock,
  ) {}

  /**
   * Writes the record of somebody who was proven.
   * @param ttl milliseconds that the login is to last; roles may shorten it
   * @throws {SsoRefused}
   */
  async vouch(
    external: ExternalUser,
    from: { kind: SsoKind; connector: string },
    ttl: number,
  ): Promise<Vouched> {
    if (!isUserName(external.name)) {
      throw new SsoRefused("name", `"${excerpt(external.name)}" cannot be the name of a user`);
    }
    const roles = await this.#existing(external.roles);
    if (roles.length === 0) {
      throw new SsoRefused("unmapped", `no mapped role exists: ${excerpt(external.roles.join(", "))}`);
    }
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const vouched = await this.#write(external, roles, from, ttl);
      if (vouched) return vouched;
    }
    throw new SsoRefused(
      "provider",
      `the record of ${external.name} is being changed by somebody else all the time`,
    );
  }

  async #write(
    external: ExternalUser,
    roles: string[],
    { kind, connector }: { kind: SsoKind; connector: string },
    ttl: number,
  ): Promise<Vouched | undefined> {
    const { name, username, subject } = external;
    const now = this.clock.now();
    const origin: UserConnector = { kind, name: connector, identity: subject };
    const stored = await this.users.stored(name);
    if (stored) this.#requireOwn(stored.user, origin, now);
    const made: UserRecord = {
      name,
      roles,
      traits: traitsOf(external.claims),
      created: stored?.user.created ?? now,
      createdBy: `${kind}/${connector}`,
      connector: origin,
      identities: { [kind]: [{ connector, username }] },
      ...(stored?.user.lock ? { lock: stored.user.lock } : {}),
    };
    const { maxSessionTtl } = (await this.rights.ofUser(made)).options();
    const lasts = Math.min(ttl, maxSessionTtl, CERTIFICATE_TTL.max);
    // Another login of the same user may last longer than this one.
    made.expires = Math.max(now + lasts, Math.min(stored?.user.expires ?? 0, now + CERTIFICATE_TTL.max));
    if (!stored) return await this.users.create(made) ? { user: made, change: "created" } : undefined;
    if (!await this.users.update(made, stored.version)) return undefined;
    const same = saysTheSame([made.roles, made.traits], [stored.user.roles, stored.user.traits]);
    return { user: made, change: same ? "unchanged" : "updated" };
  }

  /** @throws {SsoRefused} */
  #requireOwn(user: UserRecord, origin: UserConnector, now: number): void {
    if (!saysTheSame(user.connector, origin)) {
      const of = user.connector ? `${user.connector.kind}/${user.connector.name}` : "this cluster";
      throw new SsoRefused("taken", `there is a user "${user.name}" of ${of}, who is somebody else`);
    }
    const why = barred(user, now);
    if (why !== undefined) throw new SsoRefused("barred", why);
  }

  async #existing(names: readonly string[]): Promise<string[]> {
    const missing = new Set(await this.roles.missing(names));
    return names.filter((name) => !missing.has(name));
  }
}

/** Claims become traits, as far as they are short enough; what is cut off gives nobody anything. */
function traitsOf(claims: ExternalUser["claims"]): Traits {
  const traits: Traits = {};
  let room = MAX_BYTES;
  for (const [name, values] of Object.entries(claims)) {
    const kept = [...new Set(values)].filter((value) => isText(value)).slice(0, MAX_VALUES);
    const size = name.length + kept.reduce((sum, value) => sum + value.length + 4, 8);
    if (!/^[\x21-\x7e]{1,128}$/.test(name) || name === "__proto__" || kept.length === 0) continue;
    if (size > room || Object.keys(traits).length >= MAX_TRAITS) continue;
    room -= size;
    traits[name] = kept;
  }
  return traits;
}

function isText(value: string): boolean {
  return value !== "" && value.length <= MAX_TEXT && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value);
}
