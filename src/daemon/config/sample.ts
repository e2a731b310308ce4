/**
 * The sample configuration of `teleport configure`: it starts as it is, and its comments say what to change.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { readConfigText } from "./file.ts";
import { parseFlags } from "./flags.ts";
import type { Role } from "./daemon_config.ts";
import { isName } from "./values.ts";

/** What the sample is for, as the command line gives it. */
export interface SampleChoices {
  /** Comma list. */
  roles?: string;
  clusterName?: string;
  publicAddr?: string;
  authServer?: string;
  token?: string;
}

const ALL = new Set<Role>(["auth", "proxy", "node"]);

/**
 * A commented configuration file.
 * @param hostname of this machine
 * @throws {AppError} bad_input for a choice that no configuration could hold
 */
export function sampleConfig(choices: SampleChoices, hostname: string): string {
  const { roles: chosen, token, authServer } = choices;
  parseFlags({ roles: chosen, token, authServer: authServer === undefined ? undefined : [authServer] });
  const roles = parseFlags({ roles: chosen }).roles ?? ALL;
  const nodename = isName(hostname) ? hostname : "localhost";
  const text = [
    HEADER,
    teleport(roles, nodename, choices),
    auth(roles.has("auth"), choices),
    ssh(roles.has("node")),
    proxy(roles.has("proxy"), nodename, choices),
  ].join("\n");
  const { faults } = readConfigText({ name: "sample", text });
  if (faults.length > 0) throw new AppError("bad_input", faults.map(withoutPlace).join("\n"));
  return text;
}

const HEADER = `# A sample configuration of teleport. Put it into /etc/teleport.yaml and run "teleport start".
# "teleport configure --test FILE" checks a file; the README explains every key.
`;

function withoutPlace(fault: string): string {
  return fault.replace(/^sample:\d+:\d+: /, "");
}

/** A text as YAML takes it for certain: JSON is YAML. */
const quoted = (text: string) => JSON.stringify(text);
const yesNo = (runs: boolean) => runs ? "yes" : "no";

function teleport(roles: ReadonlySet<Role>, nodename: string, choices: SampleChoices): string {
  const own = roles.has("auth");
  const token = choices.token ?? "cluster-join-token";
  const server = choices.authServer ?? "127.0.0.1:3025";
  // The first start of an auth server needs no token: its other roles join by themselves.
  const joins = own && choices.token === undefined
    ? `  # For a host that joins another's cluster: the token of "tctl nodes add", or the path of a file that holds it.
  # auth_token: ${quoted(token)}
  # auth_servers: [${quoted(server)}]
  # The host CA that the auth server must have, as "tctl status" shows it there.
  # ca_pin: "sha256:..."
`
    : `  # The token of "tctl nodes add", or the path of a file that holds it. Needed for the first start only.
  auth_token: ${quoted(token)}
  auth_servers: [${quoted(server)}]
  # The host CA that the auth server must have, as "tctl status" shows it there.
  # ca_pin: "sha256:..."
`;
  return `teleport:
  # This host's name in the cluster.
  nodename: ${quoted(nodename)}
  # Keys, users and recordings lie here.
  data_dir: /var/lib/teleport
  pid_file: /var/run/teleport.pid
${joins}  log:
    # stdout, stderr, syslog, syslog://host:514 or a file
    output: stderr
    # DEBUG, INFO, WARN or ERROR
    severity: INFO
  connection_limits:
    # of each service
    max_connections: 1000
    max_users: 250
`;
}

function auth(runs: boolean, { clusterName }: SampleChoices): string {
  return `auth_service:
  enabled: ${yesNo(runs)}
  # Part of every certificate; it cannot be changed later. Without one a UUID is made.
  ${clusterName === undefined ? "# cluster_name: main" : `cluster_name: ${quoted(clusterName)}`}
  listen_addr: 0.0.0.0:3025
  # Whoever knows a static token can join for ever; "tctl nodes add" makes tokens that end.
  # tokens: ["proxy,node:cluster-join-token"]
  authentication:
    # local, or github, oidc, saml (then make a connector with tctl create)
    type: local
    # otp, u2f (security keys; then also name u2f.app_id), or off
    second_factor: otp
  # node, proxy (also what OpenSSH servers show), or off
  session_recording: node
`;
}

function ssh(runs: boolean): string {
  return `ssh_service:
  enabled: ${yesNo(runs)}
  listen_addr: 0.0.0.0:3022
  # Roles can allow nodes by their labels; "tsh ls env=staging" lists by them.
  labels:
    role: master
    env: staging
  # Labels that are the output of a command.
  commands:
  - name: hostname
    command: [hostname]
    period: 1m
  - name: arch
    command: [uname, -m]
    period: 1h
`;
}

function proxy(runs: boolean, nodename: string, { publicAddr }: SampleChoices): string {
  return `proxy_service:
  enabled: ${yesNo(runs)}
  listen_addr: 0.0.0.0:3023
  tunnel_listen_addr: 0.0.0.0:3024
  web_listen_addr: 0.0.0.0:3080
  # What users type after --proxy=, and what links begin with.
  public_addr: ${quoted(publicAddr ?? `${nodename}:3080`)}
  # A self-signed pair is made as long as there is none here.
  # https_key_file: /etc/teleport/webproxy_key.pem
  # https_cert_file: /etc/teleport/webproxy_cert.pem
`;
}
