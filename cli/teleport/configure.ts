/**
 * `teleport configure`: prints a sample configuration that starts as it is, or checks a file.
 * @module
 */
import { AppError } from "../../src/base/errors.ts";
import { configHost } from "../host.ts";
import { examples, Exit, leaf, print, printError } from "../program.ts";

export function configureCommand() {
  return leaf("configure", "Prints a sample configuration file, or checks one.")
    .option("--roles <roles>", "comma-separated list of the roles the sample runs (default: proxy,node,auth)")
    .option("--cluster-name <name>", "name of the cluster")
    .option("--public-addr <address>", "host[:port] that users type to reach the proxy")
    .option("--auth-server <address>", "address of the auth server, for a host that runs none")
    .option("--token <token>", "token to join the cluster with, or the path of a file that holds it")
    .option("--test <file>", "check this file instead: every fault with its line and key")
    .addHelpText(
      "after",
      examples(
        "teleport configure > /etc/teleport.yaml",
        "teleport configure --roles=node --auth-server=auth.example.com --token=/etc/teleport.token",
        "teleport configure --test /etc/teleport.yaml",
      ),
    )
    .action(async ({ test, ...choices }) => {
      if (test === undefined) return await printSample(choices);
      if (Object.keys(choices).length > 0) {
        throw new AppError("bad_input", "--test checks a file: it goes with no other flag");
      }
      await check(test);
    });
}

async function printSample(choices: Record<string, string>): Promise<void> {
  const { sampleConfig } = await import("../../src/daemon/config/sample.ts");
  print(sampleConfig(choices, Deno.hostname()));
}

async function check(file: string): Promise<void> {
  const { loadConfig } = await import("../../src/daemon/config/load.ts");
  const { ConfigError } = await import("../../src/daemon/config/faults.ts");
  try {
    const { warnings } = await loadConfig({ config: file }, configHost());
    for (const warning of warnings) printError(`warning: ${warning}\n`);
    print("configuration is valid\n");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const fault of error.faults) printError(`${fault}\n`);
    const count = error.faults.length;
    printError(`error: ${count} ${count === 1 ? "fault" : "faults"} in ${file}\n`);
    throw new Exit(1);
  }
}
