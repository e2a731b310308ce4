/**
 * `tctl create`: makes or changes resources out of a file.
 * @module
 */
import type { Caller } from "../../src/api/client.ts";
import { AppError, isAppError } from "../../src/base/errors.ts";
import { examples, Exit, leaf, print, printError } from "../program.ts";
import { type TctlOptions, withAdmin } from "./connect.ts";
import type { CheckedDocument } from "./documents.ts";

export function createCommand(options: () => TctlOptions) {
  return leaf("create", "Creates resources out of a file of YAML or JSON documents.")
    .argument("<file>", "path of the file, or - for standard input")
    .option("-f, --force", "replace resources that are there")
    .addHelpText(
      "after",
      "\nAll documents are checked before any is sent; then each is created on its own.\n" +
        examples("tctl create github.yaml", "tctl create -f joe.yaml", "tctl create -f backup.yaml"),
    )
    .action(async (file, { force = false }) => {
      const { checkDocuments } = await import("./documents.ts");
      const documents = checkDocuments(await readInput(file), file === "-" ? "standard input" : file);
      await withAdmin(options(), async ({ api }) => {
        let failed = 0;
        for (const [i, document] of documents.entries()) {
          try {
            await putDocument(api, document, force ? "replace" : "create");
          } catch (error) {
            if (!isAppError(error) || documents.length === 1) throw error;
            failed++;
            printError(`error: document ${i + 1}: ${error.message}\n`);
            if (error.code === "closed" || error.code === "timeout") break;
          }
        }
        if (failed > 0) {
          printError(`error: ${failed} of ${documents.length} resources could not be written\n`);
          throw new Exit(1);
        }
      });
    });
}

/** Writes a document and says what came of it. */
export async function putDocument(
  api: Caller,
  { tree, parsed }: CheckedDocument,
  mode: "create" | "update" | "replace",
): Promise<void> {
  const { writtenText } = await import("./resource_texts.ts");
  const { change, advice } = await api.call("resources.put", { document: tree, mode });
  print(writtenText(parsed.kind, parsed.metadata.name, change));
  if (advice !== undefined) printError(`WARNING: ${advice}\n`);
}

async function readInput(file: string): Promise<string> {
  const { MAX_RESOURCE_BYTES } = await import("./documents.ts");
  if (file === "-") {
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of Deno.stdin.readable) {
      size += piece.length;
      if (size > MAX_RESOURCE_BYTES) throw tooLarge("standard input");
      pieces.push(piece);
    }
    return new TextDecoder().decode(await new Blob(pieces.map((piece) => piece.slice())).arrayBuffer());
  }
  try {
    const { size } = await Deno.stat(file);
    if (size > MAX_RESOURCE_BYTES) throw tooLarge(file);
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new AppError("not_found", `there is no file ${file}`);
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new AppError("access_denied", `${file} cannot be read: permission denied`);
    }
    if (error instanceof Deno.errors.IsADirectory) throw new AppError("bad_input", `${file} is a directory`);
    throw error;
  }
}

function tooLarge(name: string): AppError {
  return new AppError("bad_input", `${name} is larger than 64 MiB, which no cluster's resources are`);
}
