/**
 * What a role must satisfy before it is stored, whoever made it.
 * @module
 */
import { formatDuration } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { CERTIFICATE_TTL } from "./limits.ts";
import { isLoginOrTemplate } from "./login_template.ts";
import { isLabelKey, isUserName } from "./name.ts";
import { type Conditions, type Role, type Rule, VERBS } from "./role.ts";
import { parseWhere } from "./where.ts";

/** What rules can be about. A name outside this list is a slip, and a slip in a denial would open a door. */
export const RULE_KINDS: readonly string[] = [
  "*",
  "user",
  "role",
  "auth_connector",
  "github",
  "oidc",
  "saml",
  "trusted_cluster",
  "remote_cluster",
  "cert_authority",
  "node",
  "auth_server",
  "proxy",
  "tunnel",
  "namespace",
  "token",
  "cluster_auth_preference",
  "cluster_config",
  "cluster_name",
  "static_tokens",
  "session",
  "event",
];

const MAX_ENTRIES = 256;
const MAX_VALUE = 1024;
/** Far below what a store takes, and what all hosts have to keep. */
const MAX_SIZE = 16_384;

/** @throws {AppError} bad_input that names the field */
export function validateRole(role: Role): void {
  if (!isUserName(role.name)) bad("metadata.name", "use letters, digits and ._@+-");
  const { maxSessionTtl, clientIdleTimeout } = role.options;
  if (!(maxSessionTtl >= CERTIFICATE_TTL.min)) {
    bad(
      "spec.options.max_session_ttl",
      "maximum session TTL can not be less than, minimal certificate duration",
    );
  }
  if (maxSessionTtl > CERTIFICATE_TTL.max) {
    bad("spec.options.max_session_ttl", `${formatDuration(CERTIFICATE_TTL.max)} is the longest`);
  }
  if (!(clientIdleTimeout >= 0)) bad("spec.options.client_idle_timeout", "expected a duration; 0s is never");
  if (JSON.stringify(role).length > MAX_SIZE) {
    bad("spec", `the role is too large: ${MAX_SIZE} characters are the most`);
  }
  for (const side of ["allow", "deny"] as const) checkConditions(`spec.${side}`, role[side]);
}

function checkConditions(at: string, { logins, nodeLabels, rules }: Conditions): void {
  bounded(`${at}.logins`, logins);
  for (const login of logins) {
    if (login === "*") {
      bad(`${at}.logins`, '"*" is not allowed: name the logins, or use "{{internal.logins}}"');
    }
    if (!isLoginOrTemplate(login)) {
      bad(
        `${at}.logins`,
        `"${shown(login)}" is neither a login nor a template like {{internal.logins}} or {{external.unix}}`,
      );
    }
  }
  const labels = Object.entries(nodeLabels);
  bounded(`${at}.node_labels`, labels);
  for (const [key, values] of labels) {
    const place = `${at}.node_labels.${shown(key)}`;
    bounded(place, values);
    if (values.length === 0) bad(place, "a value is missing");
    if (values.some((value) => value.length > MAX_VALUE)) bad(place, "a value is too long");
    if (key !== "*") {
      if (!isLabelKey(key)) bad(place, "no node can have a label of this name");
    } else if (values.some((value) => value !== "*")) {
      bad(place, `selector *:${shown(values.find((value) => value !== "*") ?? "")} is not supported`);
    } else if (labels.length > 1) {
      bad(place, '"*: *" stands for every node and cannot stand beside other labels');
    }
  }
  bounded(`${at}.rules`, rules);
  rules.forEach((rule, i) => checkRule(`${at}.rules[${i}]`, rule));
}

function checkRule(at: string, { resources, verbs, where }: Rule): void {
  if (resources.length === 0) bad(`${at}.resources`, "a kind of resource is missing");
  if (verbs.length === 0) bad(`${at}.verbs`, "a verb is missing");
  bounded(`${at}.resources`, resources);
  bounded(`${at}.verbs`, verbs);
  const kind = resources.find((name) => !RULE_KINDS.includes(name));
  if (kind !== undefined) {
    bad(`${at}.resources`, `"${shown(kind)}" is no kind of resource: ${RULE_KINDS.join(", ")}`);
  }
  const verb = verbs.find((name) => name !== "*" && !VERBS.includes(name));
  if (verb !== undefined) bad(`${at}.verbs`, `"${shown(verb)}" is no verb: ${VERBS.join(", ")}, *`);
  if (where === undefined) return;
  try {
    parseWhere(where);
  } catch (error) {
    if (error instanceof AppError) bad(`${at}.where`, error.message);
    throw error;
  }
}

function bounded(at: string, list: readonly unknown[]): void {
  if (list.length > MAX_ENTRIES) bad(at, `${MAX_ENTRIES} entries are the most`);
}

/** A name from outside, as a message shows it. */
function shown(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.slice(0, 64).replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}

function bad(at: string, problem: string): never {
  throw new AppError("bad_input", `${at}: ${problem}`);
}
