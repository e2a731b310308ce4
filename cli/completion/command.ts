/**
 * `tsh completion`, `tctl completion`, `teleport completion`: the script for a shell.
 * @module
 */
import { Argument, type Command } from "@commander-js/extra-typings";
import { examples, print } from "../program.ts";
import type { Extras } from "./words.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** Adds the command to a tool. @param extras what the definitions of its commands do not say */
export function addCompletion(
  root: Command,
  extras: () => Promise<Extras> = () => Promise.resolve({}),
): void {
  const tool = root.name();
  root.command("completion").description("Prints a script that makes a shell complete this tool's words.")
    .addArgument(new Argument("<shell>", "for which shell").choices(SHELLS))
    .addHelpText(
      "after",
      examples(
        `source <(${tool} completion bash)`,
        `${tool} completion zsh > "\${fpath[1]}/_${tool}"`,
        `${tool} completion fish > ~/.config/fish/completions/${tool}.fish`,
      ),
    )
    .action(async (shell) => {
      const [{ wordsOf }, { KIND_NAMES }] = await Promise.all([
        import("./words.ts"),
        import("../../src/model/resource/kinds.ts"),
      ]);
      const shellArgument = { [" completion"]: { argument: "shell" as const } };
      const words = wordsOf(root, { ...shellArgument, ...await extras() });
      if (shell === "bash") print((await import("./bash.ts")).bashScript(tool, words, KIND_NAMES));
      else if (shell === "zsh") print((await import("./zsh.ts")).zshScript(tool, words, KIND_NAMES));
      else print((await import("./fish.ts")).fishScript(tool, words, KIND_NAMES));
    });
}
