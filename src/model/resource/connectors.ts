/**
 * Login connectors to identity providers, and other clusters, as documents. They are stored as they are written.
 * @module
 */
import * as v from "valibot";
import { patternProblem } from "../claim_mapping.ts";
import { isHostName, isUserName } from "../name.ts";
import { envelope } from "./envelope.ts";
import { block, flag, line, list, named } from "./fields.ts";

const name = named("connector name", isUserName);
const names = list(line(128));
const secret = v.optional(line(4096));
const authorities = v.optional(block(65_536));

/** An address by HTTPS; plain HTTP reaches nobody but this machine. */
const url = v.pipe(
  line(2048),
  v.check((text) => {
    const parsed = URL.parse(text);
    if (!parsed || parsed.username !== "" || parsed.password !== "") return false;
    const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(parsed.hostname);
    return parsed.protocol === "https:" || parsed.protocol === "http:" && isLocal;
  }, "expected an address that begins with https://"),
);

/** Where the proxy takes answers of the provider. */
const callback = (path: string) =>
  v.pipe(
    url,
    v.check(
      (text) => new RegExp(`^(/v1)?/webapi/${path}$`).test(URL.parse(text)?.pathname ?? ""),
      `expected https://<proxy>/v1/webapi/${path}`,
    ),
  );

const pattern = v.pipe(
  line(),
  v.check((text) => patternProblem(text) === undefined, ({ input }) => patternProblem(String(input)) ?? ""),
);

export const githubSchema = envelope("github", name, {
  client_id: line(),
  client_secret: secret,
  display: v.optional(line()),
  redirect_url: callback("github/callback"),
  teams_to_logins: list(v.object({ organization: line(256), team: line(256), logins: names })),
  /** Of GitHub Enterprise: its pages, and its API if that is elsewhere than below `/api/v3`. */
  endpoint_url: v.optional(url),
  api_endpoint_url: v.optional(url),
  /** Certificates of authorities that the provider's is checked with, in place of the system's. */
  ca_cert: authorities,
});

export const oidcSchema = envelope("oidc", name, {
  issuer_url: url,
  client_id: line(),
  client_secret: secret,
  redirect_url: callback("oidc/callback"),
  acr_values: v.optional(line()),
  provider: v.optional(v.picklist(["", "adfs", "netiq"], "expected adfs or netiq, or nothing")),
  display: v.optional(line()),
  scope: v.optional(list(line(256))),
  claims_to_roles: v.optional(list(v.object({ claim: line(), value: pattern, roles: names }))),
  /** The claim that names users; `email` when it is left out. */
  username_claim: v.optional(line(128)),
  ca_cert: authorities,
});

export const samlSchema = envelope("saml", name, {
  acs: callback("saml/acs"),
  display: v.optional(line()),
  issuer: v.optional(line(2048)),
  sso: v.optional(url),
  cert: v.optional(block(16_384)),
  entity_descriptor: v.optional(block(40_000)),
  entity_descriptor_url: v.optional(url),
  audience: v.optional(line(2048)),
  service_provider_issuer: v.optional(line(2048)),
  provider: v.optional(v.picklist(["", "adfs", "ping"], "expected adfs or ping, or nothing")),
  attributes_to_roles: v.optional(list(v.object({ name: line(), value: pattern, roles: names }))),
  signing_key_pair: v.optional(v.object({
    private_key: v.optional(block(16_384)),
    cert: v.optional(block(16_384)),
  })),
  ca_cert: authorities,
});

export function samlProblem(
  { spec }: v.InferOutput<typeof samlSchema>,
): { path: string[]; message: string } | undefined {
  const described = spec.entity_descriptor || spec.entity_descriptor_url ||
    spec.issuer && spec.sso && spec.cert;
  if (described) return undefined;
  return {
    path: ["spec"],
    message:
      "the identity provider is missing: entity_descriptor, entity_descriptor_url, or issuer, sso and cert",
  };
}

/** `host` or `host:port`; brackets around IPv6. */
const dialed = v.pipe(
  line(300),
  v.check(
    (text) =>
      /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?)(?::\d{1,5})?$/.test(text),
    "expected host or host:port",
  ),
);
const publicKey = v.pipe(
  line(8192),
  v.check((text) => /^[a-z0-9@.-]+ [A-Za-z0-9+/=]+( .*)?$/.test(text), "expected an OpenSSH public key"),
);

export const trustedClusterSchema = envelope("trusted_cluster", named("cluster name", isHostName), {
  enabled: v.optional(flag(), true),
  token: secret,
  /** `host[:port]`; left out, the cluster's name is the host. */
  tunnel_addr: v.optional(dialed),
  web_proxy_addr: v.optional(dialed),
  role_map: v.optional(list(v.object({ remote: line(128), local: names }))),
  /** What pairing has shown, out of a backup. */
  authorities: v.optional(v.object({ user: list(publicKey, 16), host: list(publicKey, 16) })),
});

const foundRemoteCluster = envelope("remote_cluster", named("cluster name", isHostName), {
  /** Its host CA, out of a backup. */
  authorities: v.object({ host: v.pipe(list(publicKey, 16), v.minLength(1, "expected at least one key")) }),
});

/** Clusters that have paired with this one are restored only. How they were connected is not. */
export const remoteClusterSchema = v.object({
  ...foundRemoteCluster.entries,
  status: v.optional(v.object({ connection: v.optional(line(64)), last_heartbeat: v.optional(line(64)) })),
});

/** The secret fields of the kinds, below `spec`; those of users are put in on demand only. */
export const SECRET_FIELDS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  github: [["client_secret"]],
  oidc: [["client_secret"]],
  saml: [["signing_key_pair", "private_key"]],
  trusted_cluster: [["token"]],
  token: [["token"]],
  cert_authority: [["signing_keys"]],
};
