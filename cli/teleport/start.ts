/**
 * `teleport start`: runs the roles in the foreground until a signal comes.
 * @module
 */
import { formatHostPort } from "../../src/base/dial.ts";
import { messageOf } from "../../src/base/errors.ts";
import type { DaemonConfig } from "../../src/daemon/config/daemon_config.ts";
import type { StartFlags } from "../../src/daemon/config/load.ts";
import type { Daemon } from "../../src/daemon/supervisor.ts";
import { configHost } from "../host.ts";
import { examples, Exit, leaf, print, printError } from "../program.ts";

export function startCommand() {
  const collect = (value: string, all: string[] | undefined) => [...(all ?? []), value];
  return leaf("start", "Starts the daemon.")
    .option("-d, --debug", "verbose logging to stderr")
    .option("--insecure-no-tls", "serve the web over plain HTTP, for a balancer in front that ends TLS")
    .option("-r, --roles <roles>", "comma-separated list of roles to start with (default: proxy,node,auth)")
    .option("--pid-file <path>", "write the process id here once everything runs")
    .option("--advertise-ip <ip>", "address to announce to the cluster, when behind NAT")
    .option("-l, --listen-ip <ip>", "address to listen on (default: 0.0.0.0)")
    .option("--auth-server <address>", "address of the auth server (default: 127.0.0.1:3025)", collect)
    .option("--token <token>", "invitation token to join a cluster, or the path of a file that holds it")
    .option("--ca-pin <pin>", "sha256:... of the cluster's host CA, as tctl status shows it", collect)
    .option("--nodename <name>", "name of this node (default: the host name)")
    .option("-c, --config <path>", "configuration file (default: /etc/teleport.yaml)")
    .option("--labels <labels>", "labels of this node: key=value or key=[period:command], comma-separated")
    .option("--permit-user-env", "read ~/.tsh/environment when creating a session")
    .option("--insecure", "accept self-signed HTTPS certificates of trusted clusters")
    .addHelpText(
      "after",
      examples(
        "teleport start",
        "teleport start --roles=node --token=TOKEN --auth-server=auth.example.com:3025",
        "teleport start --labels='env=prod,kernel=[1h:\"uname -r\"]'",
      ),
    )
    .action(async (flags) => await start({ ...flags, configString: Deno.env.get("TELEPORT_CONFIG") }));
}

async function start(flags: StartFlags): Promise<void> {
  const { loadConfig } = await import("../../src/daemon/config/load.ts");
  const { openLogOutput } = await import("../../src/daemon/log_output.ts");
  const { startDaemon } = await import("../../src/daemon/supervisor.ts");
  const { writeDaemonState } = await import("../../src/daemon/data_directory.ts");
  const config = await loadConfig(flags, configHost());
  const output = openLogOutput(config);
  for (const warning of config.warnings) output.report("warn", "config", warning);
  const signal = firstSignal();
  const daemon = await startDaemon(config, output);
  if (!config.debug) banner(daemon, config);
  let wrotePidFile = false;
  const outcome = await Promise.race([
    daemon.ready.then(() => "ready" as const, (error) => messageOf(error)),
    signal.then(() => "signal" as const),
  ]);
  if (outcome === "ready") {
    const ciphers = Object.fromEntries([...daemon.roles].map(([role, process]) => [role, process.ciphers]));
    await writeDaemonState(config.dataDir, { pid: Deno.pid, addresses: daemon.addresses, ciphers });
    if (config.pidFile !== undefined) {
      await Deno.writeTextFile(config.pidFile, `${Deno.pid}\n`);
      wrotePidFile = true;
    }
    await signal;
  } else if (outcome !== "signal") {
    printError(`error: ${outcome}\n`);
  }
  await daemon.stop();
  if (wrotePidFile && config.pidFile !== undefined) {
    await Deno.remove(config.pidFile).catch(() => {}); // somebody else removed it
  }
  output.close();
  throw new Exit(outcome === "ready" || outcome === "signal" ? 0 : 1);
}

function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) Deno.addSignalListener(name, resolve);
  });
}

function banner(daemon: Daemon, config: DaemonConfig): void {
  const { auth, proxyWeb, proxySsh, node } = daemon.addresses;
  const line = (tag: string, what: string, address?: { host: string; port: number }) =>
    address && print(`${tag.padEnd(7)} ${what} is starting on ${formatHostPort(address)}\n`);
  line("[AUTH]", "Auth service", auth);
  line("[PROXY]", config.proxy.tls ? "Web proxy service" : "Web proxy service (without TLS)", proxyWeb);
  line("[PROXY]", "SSH proxy service", proxySsh);
  line("[SSH]", "Service", node);
}
