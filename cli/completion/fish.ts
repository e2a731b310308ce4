/**
 * Completion for fish.
 * @module
 */
import type { CommandWords } from "./words.ts";

/** A text between single quotation marks, as fish reads it. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, (mark) => `\\${mark}`)}'`;
}

/** A script for `TOOL completion fish | source`, or for a file in `~/.config/fish/completions`. */
export function fishScript(tool: string, words: readonly CommandWords[], kinds: readonly string[]): string {
  const lines = words.flatMap(({ route, commands, options, argument }) => {
    const at = (condition: string) => `-n ${quoted(`test (__${tool}_at) = "${condition}"`)}`;
    const here = at(`${route}/0`);
    const anywhere = `-n ${quoted(`string match -q -- "${route}/*" (__${tool}_at)`)}`;
    const rows = commands.map(({ name, text }) =>
      `complete -c ${tool} -f ${here} -a ${quoted(name)} -d ${quoted(text)}`
    );
    for (const { name, text, valued, choices } of options) {
      const flag = name.startsWith("--") ? `-l ${quoted(name.slice(2))}` : `-s ${quoted(name.slice(1))}`;
      const value = !valued ? "" : choices.length > 0 ? ` -x -a ${quoted(choices.join(" "))}` : " -r";
      rows.push(`complete -c ${tool} ${anywhere} ${flag}${value} -d ${quoted(text)}`);
    }
    const offer = (source: string, condition = here, files = " -f") =>
      rows.push(`complete -c ${tool}${files} ${condition} -a ${quoted(source)}`);
    if (argument === "host") offer(`(__${tool}_cached node '') (__${tool}_cached label '')`);
    if (argument === "host or file") offer(`(__${tool}_cached node :)`, anywhere, "");
    if (argument === "label") offer(`(__${tool}_cached label '')`);
    if (argument === "kind") offer(kinds.join(" "));
    if (argument === "shell") offer("bash zsh fish");
    return rows;
  });
  const routes = words.map(({ route }) => quoted(route)).join(" ");
  const valued = words.flatMap(({ route, options }) =>
    options.filter((option) => option.valued).map(({ name }) => quoted(`${route}/${name}`))
  ).join(" ");
  return `# fish completion for ${tool}, made by "${tool} completion fish"
set -g __${tool}_routes ${routes}
set -g __${tool}_valued ${valued}
# The command that is being typed, and how many arguments it has so far.
function __${tool}_at
  set -l route ''
  set -l skip 0
  set -l count 0
  for word in (commandline -opc)[2..]
    if test $skip = 1
      set skip 0
    else if string match -q -- '-*' $word
      if contains -- "$route/$word" $__${tool}_valued
        set skip 1
      end
    else if test $count = 0; and contains -- "$route $word" $__${tool}_routes
      set route "$route $word"
    else
      set count 1
    end
  end
  echo -- "$route/$count"
end
# What "tsh ls" and "tsh ssh" have seen, a word a line after its kind.
function __${tool}_cached
  set -l home $HOME/.tsh
  set -q TELEPORT_HOME; and set home $TELEPORT_HOME
  set -l login (string match -r -- '^.*@' (commandline -ct))
  test -r $home/completion; or return 0
  while read -l kind value
    test $kind = $argv[1]; and echo -- "$login$value$argv[2]"
  end < $home/completion
end
${lines.join("\n")}
`;
}
