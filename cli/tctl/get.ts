/**
 * `tctl get`: resources as YAML, JSON or tables.
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import type { Caller } from "../../src/api/client.ts";
import { AppError, isAppError } from "../../src/base/errors.ts";
import type { ResourceDocument } from "../../src/model/resource/envelope.ts";
import type { Reference } from "../../src/model/resource/kinds.ts";
import { FORMATS, printDocuments } from "../output.ts";
import { examples, leaf, printError } from "../program.ts";
import { type TctlOptions, withAdmin } from "./connect.ts";

const SECRETS_NOTE =
  "NOTE: this output holds keys and passwords' hashes: keep it where only you can read it (umask 077)\n";

export function getCommand(options: () => TctlOptions) {
  return leaf("get", "Prints resources.")
    .argument(
      "[resources]",
      "kinds or kind/name, comma-separated: users, user/joe, roles,users, connectors, all",
    )
    .addOption(new Option("--format <format>", "output format").choices(FORMATS).default("yaml" as const))
    .option("--with-secrets", "with keys, password hashes and tokens, as a backup needs them")
    .addOption(new Option("--namespace <name>").hideHelp())
    .addHelpText(
      "after",
      "\nall stands for what a backup holds: certificate authorities, roles, users, tokens, connectors, trusted and\n" +
        "remote clusters, in the order in which tctl create restores them.\n" +
        examples(
          "tctl get users",
          "tctl get user/joe > joe.yaml",
          "tctl get roles --format=text",
          "tctl get all --with-secrets > backup.yaml",
        ),
    )
    .action(async (words, { format, withSecrets = false }) => {
      if (words === undefined) {
        throw new AppError("bad_input", "specify resource to list, e.g. 'tctl get roles'");
      }
      const { parseReference } = await import("../../src/model/resource/kinds.ts");
      const names = words.split(",").map((word) => word.trim()).filter(Boolean);
      const references = names.map(parseReference);
      await withAdmin(options(), async ({ api }) => {
        const found: ResourceDocument[] = [];
        for (const reference of references) found.push(...await fetchResources(api, reference, withSecrets));
        // A backup is restored over whatever is there.
        const backup = names.some((name) => name.toLowerCase() === "all");
        const shown = backup ? found.map(withoutRevision) : found;
        if (withSecrets) printError(SECRETS_NOTE);
        const isOne = references.length === 1 && references[0]?.name !== undefined && shown.length === 1;
        await printDocuments(format, isOne ? shown[0] : shown, async () => {
          const { resourceTables } = await import("./resource_tables.ts");
          return resourceTables(shown);
        });
      });
    });
}

/** What a reference means. @throws {AppError} not_found when it names something that no kind has */
export async function fetchResources(
  api: Caller,
  { kinds, name }: Reference,
  withSecrets: boolean,
): Promise<ResourceDocument[]> {
  const found: ResourceDocument[] = [];
  let missing: unknown;
  for (const kind of kinds) {
    try {
      found.push(
        ...name === undefined
          ? await api.call("resources.list", { kind, withSecrets })
          : await api.call("resources.get", { kind, name, withSecrets }),
      );
    } catch (error) {
      if (name === undefined || !isAppError(error, "not_found")) throw error;
      missing ??= error;
    }
  }
  if (found.length === 0 && missing !== undefined) throw missing;
  return found;
}

function withoutRevision(resource: ResourceDocument): ResourceDocument {
  const { revision: _revision, ...metadata } = resource.metadata;
  return { ...resource, metadata };
}
