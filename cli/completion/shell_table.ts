/**
 * The words of a tool as shell functions that bash and zsh both read.
 * @module
 */
import type { CommandWords } from "./words.ts";

/**
 * `_TOOL_words ROUTE` sets `commands`, `options`, `valued` and `argument`; `_TOOL_choices ROUTE OPTION` sets `choices`.
 */
export function shellTable(tool: string, words: readonly CommandWords[]): string {
  const list = (items: readonly string[]) => ` ${items.join(" ")} `;
  const cases = words.map(({ route, commands, options, argument }) => {
    const valued = options.filter((option) => option.valued).map(({ name }) => name);
    return `    "${route}")
      commands="${list(commands.map(({ name }) => name))}"
      options="${list(options.map(({ name }) => name))}"
      valued="${list(valued)}"
      argument="${argument ?? ""}" ;;`;
  });
  const choices = words.flatMap(({ route, options }) =>
    options.filter(({ choices }) => choices.length > 0)
      .map(({ name, choices }) => `    "${route}/${name}") choices="${choices.join(" ")}" ;;`)
  );
  return `_${tool}_words() {
  commands= options= valued= argument=
  case "$1" in
${cases.join("\n")}
  esac
}
_${tool}_choices() {
  choices=
  case "$1/$2" in
${choices.join("\n")}
  esac
}
`;
}
