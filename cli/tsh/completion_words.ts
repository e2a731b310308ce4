/**
 * What the definitions of tsh's commands do not say: which take a node, and the flags of those that read their line by a
 * table.
 * @module
 */
import { type Extras, tableOptions } from "../completion/words.ts";
import { SCP_FLAGS } from "./scp/flags.ts";
import { SSH_FLAGS } from "./ssh/flags.ts";

export const TSH_WORDS: Extras = {
  " ssh": { argument: "host", options: tableOptions(SSH_FLAGS) },
  " scp": { argument: "host or file", options: tableOptions(SCP_FLAGS) },
  " ls": { argument: "label" },
};
