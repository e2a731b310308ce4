/**
 * How every tool runs its commands: errors as one line on standard error, stable exit codes.
 * Exit codes: 0 success, 1 failure or wrong usage, 255 for `tsh ssh` when the remote side gave no status.
 * @module
 */
import { Command, CommanderError } from "@commander-js/extra-typings";
import { isAppError, messageOf } from "../src/base/errors.ts";

/** Ends the tool with a given code, without a message. */
export class Exit extends Error {
  constructor(readonly code: number) {
    super(`exit ${code}`);
  }
}

/** A program or command with the manners all of them share. */
export function program(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .exitOverride()
    .showSuggestionAfterError()
    .helpCommand("help [command]", "Shows help for a command.")
    .configureHelp({ sortSubcommands: false, helpWidth: 100 })
    .configureOutput({ writeErr: (text) => printError(text.replace(/^error: /, "error: ")) });
}

/** A command without commands of its own. */
export function leaf(name: string, description: string): Command {
  return program(name, description).helpCommand(false);
}

/** Adds examples to a command's help. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}\n`;
}

/** Runs a tool. @returns its exit code */
export async function runProgram(
  command: { parseAsync(args: string[], from: { from: "user" }): Promise<unknown> },
  args: string[],
): Promise<number> {
  try {
    await command.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof Exit) return error.code;
    if (error instanceof CommanderError) return error.exitCode;
    const verbose = args.includes("-d") || args.includes("--debug");
    const code = verbose && isAppError(error) ? ` [${error.code}]` : "";
    printError(`error: ${messageOf(error)}${code}\n`);
    if (verbose && error instanceof Error && !isAppError(error)) printError(`${error.stack}\n`);
    return 1;
  }
}

const encoder = new TextEncoder();

export function print(text: string): void {
  writeAll(Deno.stdout, text);
}

export function printError(text: string): void {
  writeAll(Deno.stderr, text);
}

function writeAll(target: { writeSync(data: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let done = 0; done < bytes.length;) done += target.writeSync(bytes.subarray(done));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new Exit(1); // `tsh ls | head`: the reader had enough
    throw error;
  }
}
