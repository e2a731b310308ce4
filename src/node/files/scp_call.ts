/**
 * Commands that are a plain call of scp in its server role, as clients send them: `scp -t DIRECTORY`, `scp -r -p -f FILES`.
 * Such a call is served here, with each file audited. Everything else, however scp occurs in it, is a command like any
 * other.
 * @module
 */
import type { ScpOptions } from "./plan.ts";

const CALL = /^\s*(?:\/bin\/|\/usr\/bin\/|\/usr\/local\/bin\/)?scp((?:[ \t]+-[a-zA-Z]+)+)(?=[ \t]|$)/;

/**
 * The arguments of a plain call, as text still to be expanded by the user's shell; undefined for any other command.
 * Plain means: one command, no substitution, no redirection, no quoting that shells disagree about.
 */
export function scpArguments(command: string): string | undefined {
  const flags = CALL.exec(command)?.[1];
  if (flags === undefined || !/^(?:[ \t]+-[rpdvqTtf]+)+$/.test(flags) || !/[tf]/.test(flags)) {
    return undefined;
  }
  const start = command.indexOf("scp") + "scp".length;
  const rest = command.slice(start);
  return isPlain(rest) ? rest : undefined;
}

function isPlain(text: string): boolean {
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (/[\0\n\r]/.test(character)) return false;
    if (quote === "'") {
      if (character === "'") quote = "";
      continue;
    }
    if (character === "\\") {
      if (++at >= text.length || /[\n\r\0]/.test(text.charAt(at))) return false;
      continue;
    }
    if (character === "`" || character === "$" && /[('"]/.test(text.charAt(at + 1))) return false;
    if (quote === '"') {
      if (character === '"') quote = "";
      continue;
    }
    if (character === "'" || character === '"') quote = character;
    else if (/[|&;<>()]/.test(character) || character === "#" && /\s/.test(text.charAt(at - 1))) return false;
  }
  return quote === "";
}

/** Reads the words after expansion, each character one byte; undefined when they are no call that is served here. */
export function parseScpWords(words: readonly string[]): ScpOptions | undefined {
  const options: ScpOptions = {
    direction: "sink",
    recursive: false,
    preserve: false,
    toDirectory: false,
    verbose: false,
    paths: [],
  };
  let directions = 0;
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") {
      at++;
      break;
    }
    if (!word.startsWith("-") || word === "-") break;
    for (const letter of word.slice(1)) {
      switch (letter) {
        case "t":
        case "f":
          options.direction = letter === "t" ? "sink" : "source";
          directions++;
          break;
        case "r":
          options.recursive = true;
          break;
        case "p":
          options.preserve = true;
          break;
        case "d":
          options.toDirectory = true;
          break;
        case "v":
          options.verbose = true;
          break;
        case "q":
        case "T":
          break; // for the client
        default:
          return undefined;
      }
    }
  }
  if (directions !== 1) return undefined;
  options.paths = words.slice(at);
  return options;
}
