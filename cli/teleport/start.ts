/**
 * `teleport start`: runs the roles in the foreground until a signal comes.
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import { formatHostPort } from "../../src/base/dial.ts";
import { AppError, messageOf } from "../../src/base/errors.ts";
import type { DaemonConfig } from "../../src/daemon/config/daemon_config.ts";
import type { StartFlags } from "../../src/daemon/config/load.ts";
import type { Predecessor } from "../../src/daemon/handover/predecessor.ts";
import type { DaemonCommand } from "../../src/daemon/handover/program.ts";
import type { Daemon } from "../../src/daemon/supervisor.ts";
import { aboutVersion, VERSION } from "../../src/model/version.ts";
import { configHost } from "../host.ts";
import { examples, Exit, leaf, print } from "../program.ts";

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
    .option(
      "--ca-pin <pin>",
      "sha256:... of the cluster's host CA, as tctl status shows it, or the path of a file that holds it",
      collect,
    )
    .option("--nodename <name>", "name of this node (default: the host name)")
    .option("-c, --config <path>", "configuration file (default: /etc/teleport.yaml)")
    .option("--labels <labels>", "labels of this node: key=value or key=[period:command], comma-separated")
    .option(
      "--diag-addr <address>",
      "serve /healthz, /readyz and /metrics over HTTP here: a port, or host:port",
    )
    .option("--permit-user-env", "read ~/.tsh/environment when creating a session")
    .option("--insecure", "accept self-signed HTTPS certificates of trusted clusters")
    .addOption(
      new Option("--config-string <base64>", "a whole configuration file in base64").env("TELEPORT_CONFIG")
        .hideHelp(),
    )
    .addHelpText(
      "after",
      examples(
        "teleport start",
        "teleport start --roles=node --token=TOKEN --auth-server=auth.example.com:3025",
        "teleport start --labels='env=prod,kernel=[1h:\"uname -r\"]'",
      ),
    )
    .action(async (flags) => await start(flags));
}

async function start(flags: StartFlags): Promise<void> {
  const { ownCommand } = await import("../../src/daemon/handover/program.ts");
  const { Predecessor } = await import("../../src/daemon/handover/predecessor.ts");
  const command = ownCommand();
  const predecessor = await Predecessor.find();
  try {
    const failure = await runConfigured(flags, command, predecessor);
    if (failure !== undefined) throw new AppError("unavailable", failure);
  } catch (error) {
    await predecessor?.failed(messageOf(error));
    throw error;
  }
  throw new Exit(0);
}

/** @returns why a role could not start, or undefined at the end of a daemon that ran */
async function runConfigured(
  flags: StartFlags,
  command: DaemonCommand,
  predecessor: Predecessor | undefined,
): Promise<string | undefined> {
  const { loadConfig } = await import("../../src/daemon/config/load.ts");
  const { openLogOutput } = await import("../../src/daemon/log/output.ts");
  const { aboutLicense } = await import("../../src/daemon/license.ts");
  const { runDaemon } = await import("../../src/daemon/lifecycle.ts");
  const config = await loadConfig(flags, configHost());
  const output = openLogOutput(config.log);
  try {
    for (const warning of config.warnings) output.report("warn", "config", warning);
    const preview = aboutVersion(VERSION);
    if (preview !== undefined) output.report("warn", "daemon", preview);
    const license = config.roles.has("auth")
      ? await aboutLicense(config.auth.licenseFile, Date.now())
      : undefined;
    if (license) output.report(license.level, "license", license.text);
    return await runDaemon({
      config,
      output,
      command,
      predecessor,
      onStarted: (daemon) => {
        if (!config.debug && !predecessor) showBanner(daemon, config);
      },
    });
  } finally {
    await output.close();
  }
}

/** For people who look on; a daemon whose standard output nobody reads runs all the same. */
function showBanner(daemon: Daemon, config: DaemonConfig): void {
  try {
    banner(daemon, config);
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
  }
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
