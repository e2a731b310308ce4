/**
 * What a user may do: one set of pure functions for auth, proxies, nodes and tools alike. Deny is looked at first, in
 * all roles; then one role must allow; what no role allows is denied.
 * @module
 */
import { DEFAULT_OPTIONS } from "./admin_role.ts";
import { type Permit, PERMITS } from "./identity.ts";
import { expandLogins } from "./login_template.ts";
import type { Conditions, Role, RoleOptions, Rule, Verb } from "./role.ts";
import type { Traits } from "./user.ts";
import { type Condition, parseWhere, type Tri, type WhereScope } from "./where.ts";

/** Whose rights they are. */
export interface Subject {
  name: string;
  traits: Traits;
}

/** What a `where` sees beside the user. */
export interface RuleTarget {
  /** A resource in the form in which `tctl get` shows it. */
  resource?: unknown;
  /** A session: its participants. */
  session?: { sid: string; parties: readonly string[] };
}

/** A kind in a rule that stands for several. */
const COVERED: Readonly<Record<string, readonly string[]>> = { auth_connector: ["github", "oidc", "saml"] };

/** A role with the logins that it allows one user. */
interface Grant {
  role: Role;
  logins: readonly string[];
}

/** The rights of one user with these roles. */
export class AccessChecker {
  readonly #conditions = new Map<string, Condition>();
  readonly #grants: readonly Grant[];
  /** With the role that denies each. */
  readonly #deniedLogins: ReadonlyMap<string, string>;
  /** Those that allow, and those that only forbid. */
  readonly #all: readonly Role[];

  /**
   * @param roles the roles that count
   * @param newer roles that the user was given after the certificate was made: what they deny counts at once, what they
   * allow comes with the next certificate
   */
  constructor(readonly roles: readonly Role[], readonly subject: Subject, newer: readonly Role[] = []) {
    const { traits } = subject;
    this.#all = [...roles, ...newer];
    this.#grants = roles.map((role) => ({ role, logins: expandLogins(role.allow.logins, traits) }));
    this.#deniedLogins = new Map(
      this.#all.flatMap(({ name, deny }) => expandLogins(deny.logins, traits).map((login) => [login, name])),
    );
  }

  /** The OS logins that some role allows and none denies; on which nodes is another question. */
  logins(): string[] {
    return this.#undenied(this.#grants);
  }

  #undenied(grants: readonly Grant[]): string[] {
    return [...new Set(grants.flatMap(({ logins }) => logins))].filter((login) =>
      !this.#deniedLogins.has(login)
    );
  }

  /** Why this login is refused on a node with these labels; undefined when it is allowed. */
  checkNode(login: string, labels: Readonly<Record<string, string>>): string | undefined {
    const closing = this.#all.find(({ deny }) => matchesLabels(deny.nodeLabels, labels));
    if (closing) return `role "${closing.name}" denies this node`;
    const denying = this.#deniedLogins.get(login);
    if (denying !== undefined) return `role "${denying}" denies this login`;
    const here = this.#allowing(labels);
    if (here.some(({ logins }) => logins.includes(login))) return undefined;
    if (this.roles.length === 0) return "the user has no role";
    return here.length === 0 ? "no role allows this node" : "no role allows this login on this node";
  }

  #allowing(labels: Readonly<Record<string, string>>): Grant[] {
    return this.#grants.filter(({ role }) => matchesLabels(role.allow.nodeLabels, labels));
  }

  /** Whether the user can reach a node with these labels at all, with whatever login. */
  mayReach(labels: Readonly<Record<string, string>>): boolean {
    if (this.#all.some(({ deny }) => matchesLabels(deny.nodeLabels, labels))) return false;
    return this.#undenied(this.#allowing(labels)).length > 0;
  }

  /**
   * Whether the user may do this to this resource. Without a target the answer is yes only if it is yes for every
   * resource of the kind.
   */
  may(kind: string, verb: Verb, target: RuleTarget = {}): boolean {
    const { allowed, denied } = this.#weigh(kind, verb, target);
    return denied === false && allowed === true;
  }

  /** Whether there may be a resource of this kind that the user may do this to: who lists checks each with `may`. */
  mayForSome(kind: string, verb: Verb): boolean {
    const { allowed, denied } = this.#weigh(kind, verb, {});
    return denied !== true && allowed !== false;
  }

  #weigh(kind: string, verb: Verb, target: RuleTarget): { allowed: Tri; denied: Tri } {
    const scope: WhereScope = { user: this.#userScope(), ...target };
    const side = (which: "allow" | "deny", roles: readonly Role[]) => {
      const rules = roles.flatMap((role) => role[which].rules)
        .filter((rule) => coversKind(rule, kind) && coversVerb(rule, verb, which));
      const answers = rules.map((rule) => this.#holds(rule, scope));
      return answers.includes(true) ? true : answers.includes(undefined) ? undefined : false;
    };
    return { allowed: side("allow", this.roles), denied: side("deny", this.#all) };
  }

  #userScope() {
    const { name, traits } = this.subject;
    return { metadata: { name }, spec: { traits, roles: this.roles.map((role) => role.name) } };
  }

  #holds({ where }: Rule, scope: WhereScope): Tri {
    if (where === undefined) return true;
    let condition = this.#conditions.get(where);
    if (!condition) this.#conditions.set(where, condition = parseWhere(where));
    return condition(scope);
  }

  /** What the roles permit beside the login itself. */
  permits(): ReadonlySet<Permit> {
    const options = this.options();
    const granted: Record<Permit, boolean> = {
      "pty": true,
      "port-forwarding": options.portForwarding,
      "agent-forwarding": options.forwardAgent,
      "X11-forwarding": options.x11Forwarding,
    };
    return new Set(PERMITS.filter((permit) => granted[permit]));
  }

  /** The strictest of all roles. */
  options(): RoleOptions {
    const all = this.#all.map(({ options }) => options);
    if (all.length === 0) {
      return { ...DEFAULT_OPTIONS, forwardAgent: false, portForwarding: false, x11Forwarding: false };
    }
    return {
      maxSessionTtl: Math.min(...all.map((options) => options.maxSessionTtl)),
      forwardAgent: all.every((options) => options.forwardAgent),
      portForwarding: all.every((options) => options.portForwarding),
      x11Forwarding: all.every((options) => options.x11Forwarding),
      clientIdleTimeout: strictestTimeout(all.map((options) => options.clientIdleTimeout)),
      disconnectExpiredCert: all.some((options) => options.disconnectExpiredCert),
      certFormat: all.some((options) => options.certFormat === "oldssh") ? "oldssh" : "standard",
    };
  }
}

/** The shortest timeout; 0 stands for none. */
export function strictestTimeout(timeouts: readonly number[]): number {
  const set = timeouts.filter((timeout) => timeout > 0);
  return set.length === 0 ? 0 : Math.min(...set);
}

/** All listed labels must be there with one of their values; no list matches nothing; `*: *` matches every node. */
function matchesLabels(
  wanted: Conditions["nodeLabels"],
  labels: Readonly<Record<string, string>>,
): boolean {
  const entries = Object.entries(wanted);
  return entries.length > 0 && entries.every(([key, values]) => {
    if (key === "*") return values.includes("*");
    if (!Object.hasOwn(labels, key)) return false;
    return values.includes("*") || values.includes(labels[key] ?? "");
  });
}

function coversKind({ resources }: Rule, kind: string): boolean {
  return resources.some((named) => named === "*" || named === kind || COVERED[named]?.includes(kind));
}

/** Who may read may read without secrets; who is denied to read without secrets may not read with them. */
function coversVerb({ verbs }: Rule, verb: Verb, side: "allow" | "deny"): boolean {
  if (verbs.includes("*") || verbs.includes(verb)) return true;
  if (verb === "readnosecrets") return verbs.includes("read");
  return side === "deny" && verb === "read" && verbs.includes("readnosecrets");
}

/** What the roles of a certificate and those of the user's record come to. */
export interface EffectiveRoles {
  /** Those that count: of the certificate, and still the user's. */
  granted: string[];
  /** Those that the user was given since. */
  newer: string[];
}

/** A certificate that names no roles (for OpenSSH 7.1 and older) leaves it to the user's record. */
export function effectiveRoles(
  certified: readonly string[] | undefined,
  current: readonly string[],
): EffectiveRoles {
  const granted = (role: string) => certified === undefined || certified.includes(role);
  return { granted: current.filter(granted), newer: current.filter((role) => !granted(role)) };
}
