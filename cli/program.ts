/**
 * How every tool runs its commands: errors as one line on standard error, stable exit codes.
 * Exit codes: 0 success, 1 failure or wrong usage, 255 for `tsh ssh` when the remote side gave no status.
 * @module
 */
import { Command, CommanderError } from "@commander-js/extra-typings";
import { AppError, isAppError, messageOf, osMessage } from "../src/base/errors.ts";

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
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;
}

/** What commander tells of an option. */
interface GlobalOption {
  short?: string;
  long?: string;
  /** It takes a value. */
  required: boolean;
}

/** Runs a tool. @returns its exit code */
export async function runProgram(
  command: {
    parseAsync(args: string[], from: { from: "user" }): Promise<unknown>;
    /** Left out: `help` is no command. */
    readonly options?: readonly GlobalOption[];
  },
  args: string[],
): Promise<number> {
  try {
    await command.parseAsync(command.options ? helpWanted(args, command.options) : args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof Exit) return error.code;
    if (error instanceof CommanderError) return error.exitCode;
    const verbose = args.includes("-d") || args.includes("--debug");
    const code = verbose && isAppError(error) ? ` [${error.code}]` : "";
    printError(`error: ${failureText(error)}${code}\n`);
    if (verbose && error instanceof Error && !isAppError(error)) printError(`${error.stack}\n`);
    return 1;
  }
}

/**
 * `help users add` is `users add --help`: commander's own help knows one word only, and nothing of the commands that
 * parse their flags themselves.
 * @param options those that may stand before the command
 */
export function helpWanted(args: string[], options: readonly GlobalOption[]): string[] {
  const takesNext = (arg: string) =>
    options.some(({ short, long, required }) => required && (arg === short || arg === long));
  let at = 0;
  while (args[at]?.startsWith("-")) at += takesNext(args[at] ?? "") ? 2 : 1;
  const words = args.slice(at + 1);
  return args[at] === "help" && words.length > 0 ? [...args.slice(0, at), ...words, "--help"] : args;
}

/** What the runtime was doing, by the name in its messages. */
const DOING: Readonly<Record<string, string>> = { readfile: "read", writefile: "write" };

/** The error's message; of one from the operating system, what could not be done to which file, and why. */
export function failureText(error: unknown): string {
  const text = messageOf(error);
  if (isAppError(error)) return text.replace(/ \(os error \d+\)(: \w+ '.*?')?/s, "");
  const [, call = "", path] = / \(os error \d+\): (\w+) '(.*?)'(?: -> '|$)/s.exec(text) ?? [];
  return path === undefined ? osMessage(error) : `cannot ${DOING[call] ?? call} ${path}: ${osMessage(error)}`;
}

const encoder = new TextEncoder();

export function print(text: string): void {
  writeAll(Deno.stdout, text, "standard output");
}

export function printError(text: string): void {
  writeAll(Deno.stderr, text, "standard error");
}

function writeAll(target: { writeSync(data: Uint8Array): number }, text: string, name: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let done = 0; done < bytes.length;) done += target.writeSync(bytes.subarray(done));
  } catch (error) {
    throw outputFailure(error, name);
  }
}

/** Writes to standard output what is no text of ours. */
export async function printBytes(data: Uint8Array): Promise<void> {
  try {
    for (let done = 0; done < data.length;) done += await Deno.stdout.write(data.subarray(done));
  } catch (error) {
    throw outputFailure(error, "standard output");
  }
}

function outputFailure(error: unknown, name: string): Error {
  if (error instanceof Deno.errors.BrokenPipe) return new Exit(1); // `tsh ls | head`: the reader had enough
  return new AppError("unavailable", `cannot write to ${name}: ${osMessage(error)}`, { cause: error });
}
