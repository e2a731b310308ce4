/**
 * The section `teleport`: what holds for all roles.
 * @module
 */
import * as v from "valibot";
import { parseHost } from "../address.ts";
import { ALGORITHM_KEYS, algorithmName } from "../algorithm_name.ts";
import { inert, key } from "../keys.ts";
import {
  parseAwsName,
  parseEndpoint,
  parseKeyPrefix,
  parsePeer,
  parseSessionsUri,
} from "../storage_values.ts";
import { parsePinSource, parseTokenSource } from "../tokens.ts";
import { address, choice, listOf, parseCacheTtl, parseCount, parseName, parseRatePeriod } from "../values.ts";
import { parseYesNo, reading } from "../values.ts";

const path = reading((text) => text, "path");
const count = () => reading(parseCount, "number");

const log = v.object({
  output: key(
    "Where the log goes: `stdout`, `stderr`, `syslog`, `syslog://host[:port]`, or a file.",
    v.optional(reading((text) => text), "stderr"),
  ),
  severity: key(
    "The least severity that is logged.",
    v.optional(choice(["error", "warn", "info", "debug"], [], { err: "error", warning: "warn" }), "error"),
  ),
  format: key("How lines are written.", v.optional(choice(["text", "json"]), "text")),
});

const rate = v.object({
  period: key("The time `average` counts in.", reading(parseRatePeriod, "duration"), { shown: "required" }),
  average: key("Connections or requests in a period that may go on for ever.", count(), {
    shown: "required",
  }),
  burst: key("How many may come at once after a quiet time.", count(), { shown: "required" }),
});

const connectionLimits = v.object({
  max_connections: key(
    "Simultaneous connections of each service, logged in or not; at auth, those of member hosts do not count.",
    v.optional(count(), "1000"),
  ),
  max_users: key(
    "Different users connected at once to each service over SSH.",
    v.optional(count(), "250"),
  ),
  rates: key(
    "How fast one client network may connect over SSH and send web requests; every rule must allow it.",
    v.optional(v.pipe(v.array(rate), v.maxLength(8, "at most 8 rules")), []),
    { form: "list" },
  ),
});

const storage = v.object({
  type: key(
    "Where auth keeps its state; `bolt` and `dir` of old files mean the embedded store.",
    v.optional(choice(["deno_kv", "etcd", "dynamodb", "bolt", "dir"]), "deno_kv"),
  ),
  path: key("The store's directory.", v.optional(path), { shown: "`<data_dir>/auth`" }),
  peers: key(
    "etcd: the members, any of which may be away.",
    v.optional(listOf(reading(parsePeer, "https://host[:port], port 2379"))),
    { shown: "required" },
  ),
  tls_cert_file: key("etcd: the client certificate, PEM.", v.optional(path), { shown: "required" }),
  tls_key_file: key("etcd: the client certificate's key, PEM.", v.optional(path), { shown: "required" }),
  tls_ca_file: key("etcd: the members' authority, PEM.", v.optional(path), { shown: "the system's" }),
  prefix: key("etcd: all keys lie below it.", v.optional(reading(parseKeyPrefix, "text")), {
    shown: "`/teleport`",
  }),
  insecure: key(
    "etcd: accept any certificate of a member. Whoever stands between reads all secrets of the cluster.",
    v.optional(reading(parseYesNo, "yes, no")),
    { shown: "`no`" },
  ),
  region: key("DynamoDB: the region.", v.optional(reading(parseAwsName)), { shown: "required" }),
  table_name: key(
    "DynamoDB: the table, made when it is missing.",
    v.optional(reading(parseAwsName)),
    { shown: "required" },
  ),
  access_key: key("DynamoDB, S3: the access key.", v.optional(reading((text) => text)), {
    shown: "`AWS_ACCESS_KEY_ID`, else the IAM role's",
  }),
  secret_key: key("DynamoDB, S3: the secret key.", v.optional(reading((text) => text)), {
    shown: "`AWS_SECRET_ACCESS_KEY`, else the IAM role's",
  }),
  read_capacity_units: key("DynamoDB: of a table that is made.", v.optional(count()), {
    shown: "paid by use",
  }),
  write_capacity_units: key("DynamoDB: of a table that is made.", v.optional(count()), {
    shown: "paid by use",
  }),
  endpoint: key(
    "DynamoDB: another address of the service, as a VPC endpoint's.",
    v.optional(reading(parseEndpoint, "https://host[:port]")),
    { shown: "the region's" },
  ),
  audit_table_name: key(
    "DynamoDB: a table of audit events, kept for a year; needs `audit_sessions_uri`.",
    v.optional(reading(parseAwsName)),
  ),
  audit_sessions_uri: key(
    "Where recordings are kept: `file://` and the absolute path of a directory, or a bucket of S3.",
    v.optional(reading(parseSessionsUri, "file:///path, s3://bucket/prefix")),
    { shown: "`<data_dir>/log/sessions`" },
  ),
});

const cache = v.object({
  enabled: key(
    "Whether nodes and proxies decide by what they knew last while no auth server can be reached.",
    v.optional(reading(parseYesNo, "yes, no"), "yes"),
  ),
  ttl: key(
    "How long they do; `never`, `no` and `0` mean that what they know never grows old.",
    v.optional(reading(parseCacheTtl, "duration or never"), "20h"),
  ),
});

const staticKey = v.object({
  private_key_file: v.optional(v.unknown()),
  cert_file: v.optional(v.unknown()),
  private_key: v.optional(v.unknown()),
  cert: v.optional(v.unknown()),
});

/** For all roles. */
export const teleportSection = v.object({
  nodename: key("This host's name in the cluster.", v.optional(reading(parseName)), { shown: "host name" }),
  data_dir: key("All state lies here; made with mode 0700.", v.optional(path), {
    shown: "`/var/lib/teleport`; without root `~/.local/share/teleport`",
  }),
  pid_file: key("The process id is written here once everything runs.", v.optional(path)),
  auth_token: key(
    "The join token for the first start, or the absolute path of a file that holds it.",
    v.optional(reading(parseTokenSource)),
  ),
  auth_servers: key("Auth servers of the cluster.", v.optional(listOf(address(3025))), {
    shown: "own auth, else `127.0.0.1:3025`",
  }),
  advertise_ip: key(
    "The address announced to the cluster, when behind NAT.",
    v.optional(reading(parseHost, "address")),
    { shown: "guessed" },
  ),
  ca_pin: key(
    "The cluster's host CA, as `tctl status` shows it, or the absolute path of a file that holds it.",
    v.optional(listOf(reading(parsePinSource, "sha256:...")), []),
  ),
  log,
  connection_limits: connectionLimits,
  storage,
  cache,
  ciphers: key(
    "SSH ciphers of this host's servers and clients.",
    v.optional(listOf(reading(algorithmName(ALGORITHM_KEYS.ciphers)))),
    { shown: "chacha20-poly1305, aes128/256-gcm, aes128/192/256-ctr", form: "list of OpenSSH's names" },
  ),
  kex_algos: key(
    "Key exchanges; `ecdh-sha2-nistp256` and `-nistp384` on request.",
    v.optional(listOf(reading(algorithmName(ALGORITHM_KEYS.kexAlgos)))),
    {
      shown: "curve25519-sha256, diffie-hellman-group16-sha512, -group18-sha512, -group14-sha256",
      form: "list of OpenSSH's names",
    },
  ),
  mac_algos: key(
    "MACs; `hmac-sha2-256` and `-512` on request.",
    v.optional(listOf(reading(algorithmName(ALGORITHM_KEYS.macAlgos)))),
    { shown: "hmac-sha2-256-etm, hmac-sha2-512-etm", form: "list of OpenSSH's names" },
  ),
  ciphersuites: key(
    "TLS cipher suites.",
    inert("HTTPS offers the runtime's own suites, all of TLS 1.2 and 1.3 with forward secrecy"),
  ),
  keys: key(
    "Pre-signed host identities.",
    inert("hosts join with a token and keep their identity in data_dir", v.array(staticKey)),
  ),
  manual_config: key("Of very old files.", inert("this file always holds")),
});
