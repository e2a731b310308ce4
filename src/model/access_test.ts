import { assertEquals } from "@std/assert";
import { HOUR } from "../base/duration.ts";
import { AccessChecker, effectiveRoles, type RuleTarget } from "./access.ts";
import { BUILT_IN_ROLES, DEFAULT_OPTIONS, NO_CONDITIONS } from "./admin_role.ts";
import { type Conditions, type Role, type RoleOptions, type Rule, type Verb, VERBS } from "./role.ts";
import { RULE_KINDS } from "./role_rules.ts";
import type { Traits } from "./user.ts";

interface RoleDraft {
  allow?: Partial<Conditions>;
  deny?: Partial<Conditions>;
  options?: Partial<RoleOptions>;
}

const role = (name: string, { allow, deny, options }: RoleDraft): Role => ({
  name,
  options: { ...DEFAULT_OPTIONS, ...options },
  allow: { ...NO_CONDITIONS, ...allow },
  deny: { ...NO_CONDITIONS, ...deny },
});
const rights = (roles: Role[], traits: Traits = { logins: ["joe"], groups: ["ops"] }) =>
  new AccessChecker(roles, { name: "joe", traits });
const rules = (...list: Rule[]) => ({ rules: list });

const ADMIN = [...BUILT_IN_ROLES.values()];
const ALL = role("all", { allow: rules({ resources: ["*"], verbs: ["*"] }) });
const READER = role("reader", { allow: rules({ resources: ["*"], verbs: ["list", "readnosecrets"] }) });
const OPS_LIST = role("ops", {
  allow: rules({
    resources: ["role"],
    verbs: ["list"],
    where: 'contains(user.spec.traits["groups"], "ops")',
  }),
});
const STAGING_ONLY = role("staging", {
  allow: rules({
    resources: ["node"],
    verbs: ["*"],
    where: 'equals(resource.metadata.labels["env"], "staging")',
  }),
});
const DENY_USERS = role("deny-users", { deny: rules({ resources: ["user"], verbs: ["*"] }) });
const DENY_SECRETS = role("deny-read", { deny: rules({ resources: ["*"], verbs: ["readnosecrets"] }) });
const DENY_OWN = role("deny-own", {
  deny: rules({
    resources: ["user"],
    verbs: ["update"],
    where: "equals(resource.metadata.name, user.metadata.name)",
  }),
});

const KINDS = RULE_KINDS.filter((kind) => kind !== "*");
const READING: Verb[] = ["list", "readnosecrets"];
const CONNECTORS = ["auth_connector", "github", "oidc", "saml"];

/** For each set of roles: what is allowed, written a second time as a rule of thumb. */
const TABLE: { name: string; roles: Role[]; allowed(kind: string, verb: Verb): boolean }[] = [
  { name: "no role", roles: [], allowed: () => false },
  { name: "all", roles: [ALL], allowed: () => true },
  { name: "reader", roles: [READER], allowed: (_, verb) => READING.includes(verb) },
  {
    name: "where on the user",
    roles: [OPS_LIST],
    allowed: (kind, verb) => kind === "role" && verb === "list",
  },
  { name: "where on a resource that is not known", roles: [STAGING_ONLY], allowed: () => false },
  { name: "all, users denied", roles: [ALL, DENY_USERS], allowed: (kind) => kind !== "user" },
  {
    name: "all, reading denied",
    roles: [ALL, DENY_SECRETS],
    allowed: (_, verb) => verb !== "readnosecrets" && verb !== "read",
  },
  {
    name: "all, a denial that depends on the resource",
    roles: [ALL, DENY_OWN],
    allowed: (kind, verb) => kind !== "user" || verb !== "update",
  },
  {
    name: "admin",
    roles: ADMIN,
    allowed: (kind, verb) => {
      if (["session", "event", "node", "proxy", "auth_server"].includes(kind)) {
        return ["list", "read", "readnosecrets"].includes(verb);
      }
      return [...CONNECTORS, "role", "trusted_cluster"].includes(kind) && READING.includes(verb);
    },
  },
];

Deno.test("every verb on every kind of resource is decided as the table says", () => {
  for (const { name, roles, allowed } of TABLE) {
    for (const kind of KINDS) {
      for (const verb of VERBS) {
        assertEquals(rights(roles).may(kind, verb), allowed(kind, verb), `${name}: ${verb} ${kind}`);
      }
    }
  }
});

Deno.test("a where decides on the resource, and on the safe side while it is not known", () => {
  const staging: RuleTarget = { resource: { metadata: { name: "a", labels: { env: "staging" } } } };
  const live: RuleTarget = { resource: { metadata: { name: "b", labels: { env: "live" } } } };
  const reader = rights([STAGING_ONLY]);
  assertEquals([reader.may("node", "read", staging), reader.may("node", "read", live)], [true, false]);
  assertEquals([reader.mayForSome("node", "read"), reader.mayForSome("user", "read")], [true, false]);

  const own: RuleTarget = { resource: { metadata: { name: "joe" } } };
  const other: RuleTarget = { resource: { metadata: { name: "ann" } } };
  const denied = rights([ALL, DENY_OWN]);
  assertEquals([denied.may("user", "update", own), denied.may("user", "update", other)], [false, true]);
  assertEquals(denied.mayForSome("user", "update"), true);
  assertEquals(rights([ALL, DENY_USERS]).mayForSome("user", "update"), false);
  assertEquals(rights([OPS_LIST], { groups: ["dev"] }).may("role", "list"), false);
});

Deno.test("a session can be asked for its parties", () => {
  const where = "contains(session.parties, user.metadata.name)";
  const parties = rights([role("own", { allow: rules({ resources: ["session"], verbs: ["read"], where }) })]);
  const session = (...parties: string[]): RuleTarget => ({ session: { sid: "x", parties } });
  assertEquals(parties.may("session", "read", session("ann", "joe")), true);
  assertEquals(parties.may("session", "read", session("ann")), false);
  assertEquals(parties.may("session", "read"), false);
});

Deno.test("all labels of a role must fit the node, with one of their values", () => {
  const dev = rights([
    role("dev", { allow: { logins: ["joe"], nodeLabels: { env: ["staging", "test"], team: ["*"] } } }),
  ]);
  const cases: [Record<string, string>, boolean][] = [
    [{ env: "staging", team: "web" }, true],
    [{ env: "test", team: "", more: "x" }, true],
    [{ env: "staging" }, false],
    [{ env: "prod", team: "web" }, false],
    [{ env: "STAGING", team: "web" }, false],
    [{ env: "staging,test", team: "web" }, false],
    [{}, false],
  ];
  for (const [labels, fits] of cases) {
    assertEquals(dev.checkNode("joe", labels) === undefined, fits, JSON.stringify(labels));
    assertEquals(dev.mayReach(labels), fits, JSON.stringify(labels));
  }
  const inherited = rights([role("x", { allow: { logins: ["joe"], nodeLabels: { toString: ["*"] } } })]);
  assertEquals(inherited.mayReach({}), false, "a prototype's field is no label");
});

Deno.test("a login is allowed where the same role allows login and node", () => {
  const both = rights([
    role("root-on-test", { allow: { logins: ["root"], nodeLabels: { env: ["test"] } } }),
    role("joe-anywhere", { allow: { logins: ["{{internal.logins}}"], nodeLabels: { "*": ["*"] } } }),
  ]);
  assertEquals(both.checkNode("root", { env: "test" }), undefined);
  assertEquals(both.checkNode("root", { env: "live" }), "no role allows this login on this node");
  assertEquals(both.checkNode("joe", { env: "live" }), undefined);
  assertEquals(both.checkNode("joe", {}), undefined);
  assertEquals(both.checkNode("Joe", {}), "no role allows this login on this node");
  assertEquals(both.logins().sort(), ["joe", "root"]);
});

Deno.test("a node on which no login is left is not reached", () => {
  const traits = { logins: ["joe"], unix: ["a,b"] };
  const templates = role("t", { allow: { logins: ["{{external.unix}}"], nodeLabels: { "*": ["*"] } } });
  assertEquals(rights([templates], traits).mayReach({}), false);
  const denied = role("d", {
    allow: { logins: ["joe"], nodeLabels: { "*": ["*"] } },
    deny: { logins: ["joe"] },
  });
  assertEquals(rights([denied], traits).mayReach({}), false);
});

Deno.test("deny wins over every allow, of whatever role", () => {
  const everything = role("everything", { allow: { logins: ["joe", "root"], nodeLabels: { "*": ["*"] } } });
  const noDatabases = role("no-db", { deny: { nodeLabels: { workload: ["database"] }, logins: ["root"] } });
  for (const roles of [[everything, noDatabases], [noDatabases, everything]]) {
    const user = rights(roles);
    assertEquals(user.checkNode("joe", {}), undefined);
    assertEquals(user.checkNode("joe", { workload: "database" }), 'role "no-db" denies this node');
    assertEquals(user.mayReach({ workload: "database" }), false);
    assertEquals(user.checkNode("root", {}), 'role "no-db" denies this login');
    assertEquals(user.logins(), ["joe"]);
  }
  const nowhere = rights([everything, role("none", { deny: { nodeLabels: { "*": ["*"] } } })]);
  assertEquals([nowhere.checkNode("joe", {}), nowhere.mayReach({})], ['role "none" denies this node', false]);
});

Deno.test("nothing is allowed without a role, or by a role that says nothing", () => {
  assertEquals(rights([]).checkNode("joe", {}), "the user has no role");
  const silent = rights([role("silent", {})]);
  assertEquals(silent.checkNode("joe", { env: "test" }), "no role allows this node");
  assertEquals([silent.logins(), silent.mayReach({})], [[], false]);
  assertEquals([...rights([]).permits()], ["pty"]);
});

Deno.test("of the options of several roles the strictest count", () => {
  const open = role("open", { options: { forwardAgent: true, x11Forwarding: true, clientIdleTimeout: 0 } });
  const strict = role("strict", {
    options: {
      maxSessionTtl: HOUR,
      portForwarding: false,
      clientIdleTimeout: 60_000,
      disconnectExpiredCert: true,
      certFormat: "oldssh",
    },
  });
  assertEquals([...rights([open]).permits()], [
    "pty",
    "port-forwarding",
    "agent-forwarding",
    "X11-forwarding",
  ]);
  for (const roles of [[open, strict], [strict, open]]) {
    assertEquals([...rights(roles).permits()], ["pty"]);
    assertEquals(rights(roles).options(), {
      maxSessionTtl: HOUR,
      forwardAgent: false,
      portForwarding: false,
      x11Forwarding: false,
      clientIdleTimeout: 60_000,
      disconnectExpiredCert: true,
      certFormat: "oldssh",
    });
  }
});

Deno.test("the roles that count are those of the certificate that the user still has", () => {
  assertEquals(effectiveRoles(["a", "b"], ["b", "c"]), { granted: ["b"], newer: ["c"] });
  assertEquals(effectiveRoles([], ["b"]), { granted: [], newer: ["b"] });
  assertEquals(effectiveRoles(undefined, ["b"]), { granted: ["b"], newer: [] });
});

Deno.test("a role that is newer than the certificate forbids already and allows nothing yet", () => {
  const wide = role("wide", { allow: { logins: ["joe"], nodeLabels: { "*": ["*"] } } });
  const newer = role("newer", {
    allow: {
      logins: ["root"],
      nodeLabels: { "*": ["*"] },
      rules: [{ resources: ["user"], verbs: ["list"] }],
    },
    deny: {
      nodeLabels: { env: ["live"] },
      logins: ["backup"],
      rules: [{ resources: ["node"], verbs: ["list"] }],
    },
    options: { portForwarding: false },
  });
  const user = new AccessChecker([wide, ALL], { name: "joe", traits: {} }, [newer]);
  assertEquals(user.checkNode("joe", {}), undefined);
  assertEquals(user.checkNode("root", {}), "no role allows this login on this node");
  assertEquals(user.checkNode("joe", { env: "live" }), 'role "newer" denies this node');
  assertEquals(user.checkNode("backup", {}), 'role "newer" denies this login');
  assertEquals([user.logins(), user.mayReach({ env: "live" })], [["joe"], false]);
  assertEquals([user.may("node", "list"), user.may("node", "read")], [false, true]);
  assertEquals(new AccessChecker([wide], { name: "joe", traits: {} }, [newer]).may("user", "list"), false);
  assertEquals([...user.permits()], ["pty"]);
});
