import { assertThrows } from "@std/assert";
import { HOUR } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { BUILT_IN_ROLES, DEFAULT_OPTIONS, NO_CONDITIONS } from "./admin_role.ts";
import type { Conditions, Role, Verb } from "./role.ts";
import { validateRole } from "./role_rules.ts";

const role = (change: Partial<Role> = {}): Role => ({
  name: "dev",
  options: DEFAULT_OPTIONS,
  allow: NO_CONDITIONS,
  deny: NO_CONDITIONS,
  ...change,
});
const denying = (deny: Partial<Conditions>) => role({ deny: { ...NO_CONDITIONS, ...deny } });

Deno.test("roles as they are documented are accepted", () => {
  for (const builtIn of BUILT_IN_ROLES.values()) validateRole(builtIn);
  validateRole(role());
  validateRole(role({
    allow: {
      logins: ["ubuntu", "{{internal.logins}}", "{{external.unix}}"],
      nodeLabels: { env: ["staging"], "role/tier": ["*"] },
      rules: [{ resources: ["session"], verbs: ["list", "read"] }, { resources: ["*"], verbs: ["*"] }],
    },
  }));
});

Deno.test("what a role cannot mean is refused, and the field named", () => {
  const cases: [Role, string][] = [
    [role({ name: "a b" }), "metadata.name"],
    [denying({ logins: ["*"] }), 'spec.deny.logins: "*" is not allowed'],
    [denying({ logins: ["a,root"] }), "neither a login nor a template"],
    [denying({ logins: ["{{internal.x}}"] }), "neither a login nor a template"],
    [denying({ nodeLabels: { "*": ["x"] } }), "selector *:x is not supported"],
    [denying({ nodeLabels: { "*": ["*"], env: ["x"] } }), "cannot stand beside other labels"],
    [denying({ nodeLabels: { env: [] } }), "spec.deny.node_labels.env: a value is missing"],
    [denying({ nodeLabels: { "e v": ["x"] } }), "no node can have a label of this name"],
    [
      denying({ rules: [{ resources: ["nodez"], verbs: ["list"] }] }),
      'spec.deny.rules[0].resources: "nodez" is no kind',
    ],
    [denying({ rules: [{ resources: ["node"], verbs: ["lsit" as Verb] }] }), '"lsit" is no verb'],
    [denying({ rules: [{ resources: [], verbs: ["list"] }] }), "a kind of resource is missing"],
    [denying({ rules: [{ resources: ["node"], verbs: [] }] }), "a verb is missing"],
    [
      denying({ rules: [{ resources: ["node"], verbs: ["list"], where: "x" }] }),
      'rules[0].where: "where", character 1',
    ],
    [denying({ logins: Array(257).fill("joe") }), "256 entries are the most"],
    [role({ options: { ...DEFAULT_OPTIONS, maxSessionTtl: 1000 } }), "minimal certificate duration"],
    [role({ options: { ...DEFAULT_OPTIONS, maxSessionTtl: 31 * HOUR } }), "30h0m0s is the longest"],
    [role({ options: { ...DEFAULT_OPTIONS, maxSessionTtl: NaN } }), "minimal certificate duration"],
    [role({ options: { ...DEFAULT_OPTIONS, clientIdleTimeout: -1 } }), "client_idle_timeout"],
    [role({ description: "x".repeat(60_000) }), "too large"],
  ];
  for (const [bad, problem] of cases) assertThrows(() => validateRole(bad), AppError, problem);
});
