/**
 * `tctl edit`: a resource in the administrator's editor. What comes back is checked, shown again with the problem until it
 * is good, and written only if it was changed and nobody else changed it meanwhile.
 * @module
 */
import { AppError, isAppError } from "../../src/base/errors.ts";
import { yamlText } from "../output.ts";
import { examples, leaf, print } from "../program.ts";
import { type TctlOptions, withAdmin } from "./connect.ts";
import { putDocument } from "./create.ts";
import { fetchResources } from "./get.ts";

/** Lines of ours above the document, which are taken away again. */
const NOTE = "#: ";

export function editCommand(options: () => TctlOptions) {
  return leaf("edit", "Edits a resource in $VISUAL or $EDITOR (default: vi).")
    .argument("<resource>", "kind/name")
    .addHelpText("after", examples("tctl edit role/dev", "EDITOR=nano tctl edit user/joe"))
    .action(async (word) => {
      const { parseReference } = await import("../../src/model/resource/kinds.ts");
      const reference = parseReference(word);
      if (reference.name === undefined) {
        throw new AppError(
          "bad_input",
          "provide a full resource name to edit, for example:\n$ tctl edit user/joe",
        );
      }
      const { KINDS } = await import("../../src/model/resource/kinds.ts");
      const fixed = reference.kinds.map((kind) => KINDS[kind].notCreated).find((why) => why !== undefined);
      if (fixed !== undefined) throw new AppError("unsupported", `${word} cannot be edited: ${fixed}`);
      await withAdmin(options(), async ({ api }) => {
        const [resource, second] = await fetchResources(api, reference, false);
        if (!resource || second) {
          throw new AppError("bad_input", `${word} names several resources; they cannot be edited together`);
        }
        const original = await yamlText(resource);
        let asked = original;
        let problem = "";
        for (;;) {
          const answer = await editText(noted(problem, word) + asked, resource.metadata.name);
          const edited = withoutNotes(answer);
          if (edited.trim() === "") throw new AppError("closed", "the file is empty: nothing was changed");
          if (edited === original) return print("nothing was changed\n");
          if (problem !== "" && edited === asked) {
            throw new AppError("closed", `nothing was changed, for this is still wrong: ${problem}`);
          }
          asked = edited;
          try {
            const { checkDocuments } = await import("./documents.ts");
            const [document, more] = checkDocuments(edited, word);
            if (!document || more) throw new AppError("bad_input", "keep it one document");
            const { kind, metadata } = document.parsed;
            if (kind !== resource.kind || metadata.name !== resource.metadata.name) {
              throw new AppError(
                "bad_input",
                "kind and metadata.name must stay: create the other resource instead",
              );
            }
            return await putDocument(api, document, "update");
          } catch (error) {
            // What another text cannot mend ends the loop.
            if (!isAppError(error, "bad_input")) throw error;
            problem = error.message;
          }
        }
      });
    });
}

function noted(problem: string, word: string): string {
  const lines = problem === ""
    ? [
      `Editing ${word}. Lines that start with "${NOTE.trim()}" are dropped; an unchanged file changes nothing.`,
    ]
    : ["This cannot be written:", ...problem.split("\n"), "Mend it, or leave it unchanged to give up."];
  return lines.map((line) => `${NOTE}${line}\n`).join("");
}

function withoutNotes(text: string): string {
  return text.split("\n").filter((line) => !line.startsWith(NOTE.trim())).join("\n");
}

/** Lets the editor change a text, in a folder of its own that only this user can enter. */
async function editText(text: string, name: string): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "tctl-edit-" });
  try {
    const path = `${directory}/${name.replace(/[^A-Za-z0-9._-]/g, "_")}.yaml`;
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    const editor = Deno.env.get("VISUAL") || Deno.env.get("EDITOR") || "vi";
    // The variable may hold arguments, as `code --wait`: the shell takes it apart, the path is a word of its own.
    const command = new Deno.Command("/bin/sh", {
      args: ["-c", `${editor} "$1"`, "tctl", path],
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    });
    const { success, code } = await command.spawn().status;
    if (!success) throw new AppError("closed", `the editor ended with status ${code}: nothing was changed`);
    return await Deno.readTextFile(path);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
