/**
 * `tctl rm`: deletes a resource.
 * @module
 */
import { AppError } from "../../src/base/errors.ts";
import { examples, leaf, print } from "../program.ts";
import { type TctlOptions, withAdmin } from "./connect.ts";
import { fetchResources } from "./get.ts";

export function rmCommand(options: () => TctlOptions) {
  return leaf("rm", "Deletes a resource.")
    .alias("del")
    .argument("<resource>", "kind/name")
    .addHelpText("after", examples("tctl rm user/joe", "tctl rm saml/okta", "tctl rm cluster/east"))
    .action(async (word) => {
      const { parseReference } = await import("../../src/model/resource/kinds.ts");
      const { removedText } = await import("./resource_texts.ts");
      const { kinds, name } = parseReference(word);
      if (name === undefined) {
        throw new AppError(
          "bad_input",
          "provide a full resource name to delete, for example:\n$ tctl rm cluster/east",
        );
      }
      await withAdmin(options(), async ({ api }) => {
        const [only] = kinds;
        const kind = kinds.length === 1 ? only : (await fetchResources(api, { kinds, name }, false))[0]?.kind;
        if (!kind) throw new AppError("not_found", `there is no ${word}`);
        await api.call("resources.remove", { kind, name });
        print(removedText(kind, name));
      });
    });
}
