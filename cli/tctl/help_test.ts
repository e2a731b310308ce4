import { assertEquals } from "@std/assert";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { authCommand } from "./auth/auth.ts";
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

function leaves(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

function helpOf(command: CommandUnknownOpts): string {
  let help = "";
  command.configureOutput({ writeOut: (text) => help += text });
  command.outputHelp();
  return help;
}

Deno.test("the help of every command of tctl ends with examples that call it", () => {
  const none = () => ({});
  const commands: CommandUnknownOpts[] = [
    authCommand,
    createCommand,
    editCommand,
    eventsCommand,
    getCommand,
    nodesCommand,
    recordingsCommand,
    rmCommand,
    sessionsCommand,
    statusCommand,
    tokensCommand,
    usersCommand,
  ].map((make) => make(none) as CommandUnknownOpts);
  const all = commands.flatMap(leaves);
  const without = all.filter((command) => {
    const examples = helpOf(command).split("\nExamples:\n")[1] ?? "";
    const names = [command.name(), ...command.aliases()];
    return !names.some((name) => new RegExp(`\\$ .*\\btctl .*\\b${name}\\b`).test(examples));
  });
  assertEquals(without.map((command) => `${command.parent?.name()} ${command.name()}`), []);
  assertEquals(all.length, 27);
});
