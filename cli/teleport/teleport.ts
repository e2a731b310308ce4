/**
 * `teleport`: the daemon.
 * @module
 */
import { addCompletion } from "../completion/command.ts";
import { examples, program, runProgram } from "../program.ts";
import { printVersion, versionText } from "../version.ts";
import { configureCommand } from "./configure.ts";
import { startCommand } from "./start.ts";
import { statusCommand } from "./status.ts";

export function teleport(args: string[]): Promise<number> {
  const command = program("teleport", "The access daemon: certificate authority, proxy and SSH node in one.")
    .version(versionText(), "--version", "show the version")
    .addHelpText(
      "after",
      examples("teleport start", "teleport start --roles=node --token=TOKEN --auth-server=HOST:3025"),
    );
  command.addCommand(startCommand());
  command.addCommand(statusCommand());
  command.addCommand(configureCommand());
  addCompletion(command);
  command.command("version").description("Shows the version.").action(printVersion);
  return runProgram(command, args);
}
