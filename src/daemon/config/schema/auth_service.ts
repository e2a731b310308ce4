/**
 * The section `auth_service`.
 * @module
 */
import * as v from "valibot";
import { auditSink, retention } from "../audit.ts";
import { quote } from "../../../base/quote.ts";
import { AppError } from "../../../base/errors.ts";
import { isUserName } from "../../../model/name.ts";
import { SSO_KINDS } from "../../../model/sso.ts";
import { SECOND_FACTORS } from "../../../model/security_key.ts";
import { inert, key } from "../keys.ts";
import { securityKeys } from "../security_keys.ts";
import { parseTokenSpec } from "../tokens.ts";
import {
  address,
  balancers,
  choice,
  listOf,
  parseIdleTimeout,
  parseName,
  parseYesNo,
  reading,
} from "../values.ts";

/** The name of a connector, as its resource has it. */
function parseConnectorName(text: string): string {
  if (isUserName(text)) return text;
  throw new AppError("bad_input", `${quote(text)} cannot be the name of a connector`);
}

const yesNo = reading(parseYesNo, "yes, no");
const RESOURCE = (kind: string) => `create a "${kind}" resource with "tctl create" instead`;

/** Any value under each of these names. */
function names(...all: string[]) {
  return v.object(Object.fromEntries(all.map((name) => [name, v.optional(v.unknown())])));
}

const authentication = v.object({
  type: key(
    "How users prove who they are.",
    v.optional(choice(["local", ...SSO_KINDS]), "local"),
  ),
  second_factor: key(
    "What is asked for besides the password.",
    v.optional(choice(SECOND_FACTORS), "otp"),
  ),
  connector_name: key(
    "The connector that logins begin with; without it the first one of the type.",
    v.optional(reading(parseConnectorName, "name")),
    { shown: "the first one" },
  ),
  u2f: securityKeys,
  oidc: key("A connector of old files.", inert(RESOURCE("oidc"))),
});

/** For the auth role. */
export const authSection = v.object({
  enabled: key("Whether this daemon runs the auth role.", v.optional(yesNo, "yes")),
  cluster_name: key(
    "The cluster's name, part of every certificate; it cannot be changed later.",
    v.optional(reading(parseName)),
    { shown: "a new UUID" },
  ),
  listen_addr: key("Where the auth API is served, over SSH.", v.optional(address(3025), "0.0.0.0:3025")),
  public_addr: key(
    "Further names of the auth server, for its host certificate.",
    v.optional(listOf(address(3025)), []),
  ),
  proxy_protocol: key(
    "Whose PROXY headers (HAProxy v1, v2) tell where clients are; better name the balancers than say `on`.",
    v.optional(balancers, "off"),
  ),
  tokens: key(
    "Static join tokens; the value may be the absolute path of a file.",
    v.optional(listOf(reading(parseTokenSpec, "role[,role...]:value")), []),
  ),
  authentication,
  session_recording: key(
    "Where sessions are recorded; proxy: the proxies end every SSH connection, which takes a forwarded agent.",
    v.optional(choice(["node", "proxy", "off"]), "node"),
  ),
  session_recording_mode: key(
    "What happens when a session cannot be recorded: strict ends it, best_effort lets it go on and reports the gap.",
    v.optional(choice(["strict", "best_effort"]), "strict"),
  ),
  record_commands: key(
    "Whether commands without a terminal are recorded as shells are.",
    v.optional(yesNo, "no"),
  ),
  proxy_checks_host_keys: key(
    "Whether recording proxies ask OpenSSH servers for a host certificate of this cluster; `no` lets anybody between stand in for them.",
    v.optional(yesNo, "yes"),
  ),
  license_file: key(
    "Read and checked if it is there; none is ever needed.",
    v.optional(reading((text) => text, "path"), "license.pem"),
  ),
  client_idle_timeout: key(
    "Sessions without traffic end after this; roles may ask for less.",
    v.optional(reading(parseIdleTimeout, "duration or never"), "never"),
  ),
  disconnect_expired_cert: key(
    "Whether sessions end with the certificate they began with.",
    v.optional(yesNo, "no"),
  ),
  audit_sinks: key(
    "Collectors that the audit log is passed on to.",
    v.optional(v.array(auditSink), []),
    { form: "list" },
  ),
  audit_retention: key("How long the audit log is kept.", retention()),
  recording_retention: key("How long recordings are kept.", retention()),
  trusted_clusters: key(
    "Of files before 2.3.",
    inert(RESOURCE("trusted_cluster"), v.array(names("key_file", "allow_logins", "tunnel_addr"))),
  ),
  oidc_connectors: key(
    "Of files before 2.4.",
    inert(
      RESOURCE("oidc"),
      v.array(
        names(
          ...["id", "issuer_url", "client_id", "client_secret", "redirect_url", "acr_values", "provider"],
          ...["display", "scope", "claims_to_roles"],
        ),
      ),
    ),
  ),
  reverse_tunnels: key(
    "Of very old files.",
    inert(RESOURCE("trusted_cluster"), v.array(names("domain_name", "addresses"))),
  ),
  authorities: key(
    "Pre-made certificate authorities.",
    inert('"tctl create" restores authorities from a backup'),
  ),
  dynamic_config: key("Of old files.", inert("resources can always be changed with tctl")),
});
