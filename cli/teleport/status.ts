/**
 * `teleport status`: where am I (inside of a session), and what may each role do (`--permissions`).
 * @module
 */
import { formatOption, printResult, table } from "../output.ts";
import { configHost } from "../host.ts";
import { examples, leaf, print } from "../program.ts";

export function statusCommand() {
  return leaf("status", "Shows the status of the session this command runs in.")
    .option("--permissions", "show what each role of the daemon may do, and who computes its packet ciphers")
    .option("-c, --config <path>", "configuration file, for --permissions")
    .addOption(formatOption())
    .addHelpText("after", examples("teleport status", "teleport status --permissions"))
    .action(async ({ permissions, config, format }) => {
      if (permissions) return await showPermissions(config, format);
      const session = fromEnvironment();
      await printResult(format, session ?? {}, () => session ? sessionText(session) : NOT_INSIDE);
    });
}

const NOT_INSIDE = "You are not inside of a Teleport SSH session\n";

interface SessionStatus {
  user: string;
  login: string;
  client: string;
  session: string;
  cluster: string;
  host: string;
  url?: string;
}

function fromEnvironment(): SessionStatus | undefined {
  const { env } = Deno;
  const user = env.get("SSH_TELEPORT_USER");
  const session = env.get("SSH_SESSION_ID");
  if (user === undefined || session === undefined) return undefined;
  const web = env.get("SSH_SESSION_WEBPROXY_ADDR");
  return {
    user,
    login: env.get("USER") ?? "",
    client: env.get("SSH_CLIENT") ?? "",
    session,
    cluster: env.get("SSH_TELEPORT_CLUSTER_NAME") ?? "",
    host: env.get("SSH_TELEPORT_HOST_UUID") ?? "",
    url: web === undefined ? undefined : `https://${web}/web/sessions/${session}`,
  };
}

function sessionText(session: SessionStatus): string {
  const lines = [
    ["User ID", `${session.user}, logged in as ${session.login} from ${session.client}`],
    ["Cluster Name", session.cluster],
    ["Host UUID", session.host],
    ["Session ID", session.session],
    ["Session URL", session.url ?? "(no proxy is known)"],
  ];
  return lines.map(([name = "", value]) => `${name.padEnd(12)}: ${value}\n`).join("");
}

async function showPermissions(path: string | undefined, format: "text" | "json" | "yaml"): Promise<void> {
  const { loadConfig } = await import("../../src/daemon/config/load.ts");
  const { describePermissions, OUTBOUND_PERMISSIONS, rolePermissions } = await import(
    "../../src/daemon/permissions.ts"
  );
  const { findLibcrypto, permissionFacts } = await import("../../src/daemon/supervisor.ts");
  const { readDaemonState } = await import("../../src/daemon/data_directory.ts");
  const config = await loadConfig({ config: path }, configHost());
  const running = (await readDaemonState(config.dataDir))?.ciphers;
  const roles = [...config.roles].map((role) => ({
    role,
    ...describePermissions(rolePermissions(role, permissionFacts(role, config, findLibcrypto()))),
    ciphers: running?.[role] ?? "(not started yet)",
  }));
  const names = ["role", "net", "read", "write", "ffi", "run", "env", "sys", "ciphers"] as const;
  await printResult(format, roles, () => {
    const rows = roles.map((role: Record<string, string>) => names.map((name) => role[name] ?? ""));
    return table(names.map((name) => name.toUpperCase()), rows);
  });
  if (format === "text") {
    const helper = Object.entries(describePermissions(OUTBOUND_PERMISSIONS))
      .filter(([name]) => name !== "env").map(([name, what]) => `${name} ${what}`).join(", ");
    if (config.roles.has("auth")) {
      print(`\nIdentity providers are called for auth by a helper of its own: ${helper}.\n`);
    }
    print(
      "\nA role with full ffi (node) could do whatever the process can: run nodes as processes of their own.\n",
    );
  }
}
