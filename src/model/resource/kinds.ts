/**
 * The kinds of resources: what they are called on the command line, which version is written, and what can be done to
 * them with `tctl`.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { didYouMean } from "../../base/suggest.ts";

/** What is special about one kind. */
export interface KindFacts {
  aliases: readonly string[];
  /** The version that is written. Others of {@linkcode VERSIONS} are read where the shape is the same. */
  version: string;
  /** What messages call it. */
  noun: string;
  /** Why `tctl create` does not take it; undefined when it does. */
  notCreated?: string;
  /** Why `tctl rm` does not take it; undefined when it does. */
  notRemoved?: string;
}

const announced = "servers announce themselves and are gone 90 seconds after their last word";
const inFile = (place: string) =>
  `it is set in the auth server's configuration file (${place}): change it there and restart`;
const automatic = "the cluster makes it by itself";

const facts = {
  cert_authority: {
    aliases: ["cert_authorities", "authorities", "ca", "cas"],
    version: "v2",
    noun: "certificate authority",
    notRemoved: 'without it no certificate holds; "tctl auth rotate" replaces it',
  },
  role: { aliases: ["roles"], version: "v3", noun: "role" },
  user: { aliases: ["users"], version: "v2", noun: "user" },
  token: { aliases: ["tokens"], version: "v2", noun: "token" },
  github: { aliases: [], version: "v3", noun: "github connector" },
  oidc: { aliases: [], version: "v2", noun: "OIDC connector" },
  saml: { aliases: [], version: "v2", noun: "SAML connector" },
  trusted_cluster: {
    aliases: ["trusted_clusters", "tc", "cluster", "clusters"],
    version: "v2",
    noun: "trusted cluster",
  },
  remote_cluster: {
    aliases: ["remote_clusters", "rc", "rcs"],
    version: "v3",
    noun: "remote cluster",
    notCreated: "a remote cluster appears when it connects",
  },
  node: {
    aliases: ["nodes"],
    version: "v2",
    noun: "node",
    notCreated: announced,
    notRemoved: announced,
  },
  auth_server: {
    aliases: ["auth", "auth_servers"],
    version: "v2",
    noun: "auth server",
    notCreated: announced,
    notRemoved: announced,
  },
  proxy: {
    aliases: ["proxies"],
    version: "v2",
    noun: "proxy",
    notCreated: announced,
    notRemoved: announced,
  },
  tunnel: {
    aliases: ["tunnels", "reverse_tunnel", "reverse_tunnels", "rts"],
    version: "v2",
    noun: "reverse tunnel",
    notCreated: 'a tunnel follows from a trusted cluster: create a "trusted_cluster"',
    notRemoved:
      'a tunnel stands while its clusters want it: remove or disable the "trusted_cluster", or remove the ' +
      '"remote_cluster" at the other end',
  },
  namespace: {
    aliases: ["namespaces", "ns"],
    version: "v2",
    noun: "namespace",
    notCreated: "there is one namespace, default",
    notRemoved: "there is one namespace, default",
  },
  cluster_auth_preference: {
    aliases: ["cluster_auth_preferences", "cluster_authentication_preferences", "cap"],
    version: "v2",
    noun: "cluster authentication preference",
    notCreated: inFile("auth_service.authentication"),
    notRemoved: inFile("auth_service.authentication"),
  },
  cluster_config: {
    aliases: [],
    version: "v3",
    noun: "cluster configuration",
    notCreated: inFile("auth_service"),
    notRemoved: inFile("auth_service"),
  },
  cluster_name: {
    aliases: [],
    version: "v2",
    noun: "cluster name",
    notCreated: inFile("auth_service.cluster_name"),
    notRemoved: automatic,
  },
  static_tokens: {
    aliases: [],
    version: "v2",
    noun: "static tokens",
    notCreated: inFile("auth_service.tokens"),
    notRemoved: inFile("auth_service.tokens"),
  },
} as const satisfies Record<string, KindFacts>;

export type Kind = keyof typeof facts;

export const KINDS: Readonly<Record<Kind, KindFacts>> = facts;

export const KIND_NAMES = Object.keys(facts).filter(isKind);

/** The login connectors of all sorts: `tctl get connectors`. */
export const CONNECTOR_KINDS = ["github", "oidc", "saml"] as const satisfies readonly Kind[];

/**
 * What a backup holds, in the order in which it is restored: users name roles, everything hangs on the authorities.
 * Servers announce themselves and the configuration file keeps the rest.
 */
export const RESTORED_KINDS = [
  "cert_authority",
  "role",
  "user",
  "token",
  "github",
  "oidc",
  "saml",
  "trusted_cluster",
  "remote_cluster",
] as const satisfies readonly Kind[];

export const VERSIONS = ["v1", "v2", "v3"] as const;

export function isKind(name: string): name is Kind {
  return Object.hasOwn(facts, name);
}

/** The kinds that a word of the command line means; several for `connectors` and `all`. */
export function kindsCalled(word: string): readonly Kind[] {
  const name = word.toLowerCase();
  if (isKind(name)) return [name];
  if (name === "all") return RESTORED_KINDS;
  if (name === "connector" || name === "connectors") return CONNECTOR_KINDS;
  const found = KIND_NAMES.find((kind) => KINDS[kind].aliases.includes(name));
  if (found) return [found];
  const known = [...KIND_NAMES, ...KIND_NAMES.flatMap((kind) => KINDS[kind].aliases)];
  const near = didYouMean(word, known);
  throw new AppError(
    "bad_input",
    `${quote(word)} is not supported${near === "" ? `; the kinds are ${KIND_NAMES.join(", ")}` : near}`,
  );
}

/** A resource as `tctl get` and `tctl rm` name it: `user/joe`, `users/joe`, or `users` for all of them. */
export interface Reference {
  kinds: readonly Kind[];
  name?: string;
}

/** @throws {AppError} bad_input */
export function parseReference(text: string): Reference {
  const slash = text.indexOf("/");
  if (slash < 0) return { kinds: kindsCalled(text) };
  const name = text.slice(slash + 1);
  if (name === "") {
    throw new AppError("bad_input", `${quote(text)} names nothing after the slash; write kind/name`);
  }
  return { kinds: kindsCalled(text.slice(0, slash)), name };
}
