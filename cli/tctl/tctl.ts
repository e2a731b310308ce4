/**
 * `tctl`: the administrator's tool.
 * @module
 */
import { addCompletion } from "../completion/command.ts";
import { examples, program, runProgram } from "../program.ts";
import { printVersion, versionText } from "../version.ts";
import { authCommand } from "./auth/auth.ts";
import type { TctlOptions } from "./connect.ts";
import { createCommand } from "./create.ts";
import { editCommand } from "./edit.ts";
import { eventsCommand } from "./events.ts";
import { getCommand } from "./get.ts";
import { nodesCommand } from "./nodes.ts";
import { recordingsCommand } from "./recordings.ts";
import { rmCommand } from "./rm.ts";
import { sessionsCommand } from "./sessions.ts";
import { statusCommand } from "./status.ts";
import { tokensCommand } from "./tokens.ts";
import { usersCommand } from "./users.ts";

export function tctl(args: string[]): Promise<number> {
  const command = program(
    "tctl",
    "Administers a Teleport cluster: on the machine of its auth server, or from afar with a login.",
  )
    .version(versionText(), "--version", "show the version")
    .option("-d, --debug", "verbose errors")
    .option("-c, --config <path>", "configuration file of the auth server (default: /etc/teleport.yaml)")
    .option("-i, --identity <file>", "identity file to use from another machine; needs --proxy")
    .option("--proxy <address>", "proxy to go through from another machine, with the login of tsh")
    .addHelpText(
      "after",
      examples("tctl users add joe joe,root", "tctl nodes add --ttl=5m --roles=node", "tctl status"),
    );
  const options = (): TctlOptions => command.opts();
  command.addCommand(usersCommand(options));
  command.addCommand(nodesCommand(options));
  command.addCommand(tokensCommand(options));
  command.addCommand(getCommand(options));
  command.addCommand(createCommand(options));
  command.addCommand(rmCommand(options));
  command.addCommand(editCommand(options));
  command.addCommand(authCommand(options));
  command.addCommand(statusCommand(options));
  command.addCommand(eventsCommand(options));
  command.addCommand(sessionsCommand(options));
  command.addCommand(recordingsCommand(options));
  addCompletion(command, () =>
    Promise.resolve({
      " get": { argument: "kind" },
      " rm": { argument: "kind" },
      " edit": { argument: "kind" },
    }));
  command.command("version").description("Shows the version.").action(printVersion);
  return runProgram(command, args);
}
