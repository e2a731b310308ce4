/**
 * What can be completed on a tool's command line: its commands and options, taken from the very definitions that parse
 * it. A shell gets all of it in its script and asks no program while somebody types: starting one would take longer than
 * people want to wait for the TAB key.
 * @module
 */
import type { Command } from "@commander-js/extra-typings";
import type { FlagTable } from "../tsh/flag_table.ts";

/** What stands where a command takes an argument. */
export type Argument = "host" | "host or file" | "label" | "kind" | "shell";

/** One option. */
export interface OptionWord {
  /** As `--format` or `-q`. */
  name: string;
  text: string;
  /** Whether a value follows. */
  valued: boolean;
  choices: readonly string[];
}

/** One command; the tool itself has the route "". */
export interface CommandWords {
  /** The words from the tool to the command, each after a blank: ` users add`. */
  route: string;
  commands: { name: string; text: string }[];
  options: OptionWord[];
  argument: Argument | undefined;
}

/** What commands of these routes take, beside what their definitions say. */
export type Extras = Readonly<Record<string, { argument?: Argument; options?: OptionWord[] }>>;

/** A word that is put into a script as it is. */
const WORD = /^[A-Za-z0-9_.@/+-]+$/;

/** The words of a tool and of all that is below it. */
export function wordsOf(command: Command, extras: Extras = {}, route = ""): CommandWords[] {
  const visible = command.createHelp().visibleCommands(command).filter((below) => WORD.test(below.name()));
  const { argument, options = [] } = extras[route] ?? {};
  const own: CommandWords = {
    route,
    argument,
    commands: visible.map((below) => ({ name: below.name(), text: firstLine(below.description()) })),
    options: [...command.createHelp().visibleOptions(command).flatMap(optionWords), ...options],
  };
  return [own, ...visible.flatMap((below) => wordsOf(below as Command, extras, `${route} ${below.name()}`))];
}

type DefinedOption = Pick<
  Command["options"][number],
  "short" | "long" | "description" | "argChoices" | "required" | "optional"
>;

function optionWords(
  { short, long, description, argChoices, required, optional }: DefinedOption,
): OptionWord[] {
  const choices = (argChoices ?? []).filter((choice) => WORD.test(choice));
  return [short, long].filter((name) => name !== undefined)
    .map((name) => ({ name, text: firstLine(description), valued: required || optional, choices }));
}

/** The options of a command that reads its line by a table. */
export function tableOptions<Call>({ letters, long }: FlagTable<Call>): OptionWord[] {
  const shown = [
    ...Object.entries(letters).map(([letter, flag]) => ({ name: `-${letter}`, flag })),
    ...Object.entries(long).map(([name, flag]) => ({
      name: `--${name}`,
      flag: typeof flag === "string" ? letters[flag] : flag,
    })),
  ];
  return shown.flatMap(({ name, flag }) =>
    flag?.text === undefined || !WORD.test(name)
      ? []
      : [{ name, text: firstLine(flag.text), valued: flag.value !== undefined, choices: [] }]
  );
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}
