/**
 * The configuration file, key by key: one schema gives the type, the defaults, the errors and the reference in the
 * README. Defaults are written the way a user would write them; a section that is left out counts as an empty one (see
 * `checkKeys`). Keys that are known but do nothing in this build are marked `inert`.
 * @module
 */
import * as v from "valibot";
import { authSection } from "./schema/auth_service.ts";
import { proxySection } from "./schema/proxy_service.ts";
import { sshSection } from "./schema/ssh_service.ts";
import { teleportSection } from "./schema/teleport.ts";

/** The whole file. */
export const fileSchema = v.object({
  teleport: teleportSection,
  auth_service: authSection,
  ssh_service: sshSection,
  proxy_service: proxySection,
});

/** What a file says, defaults filled in; keys as in the file. */
export type FileSettings = v.InferOutput<typeof fileSchema>;
