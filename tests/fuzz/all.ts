/**
 * Every target.
 * @module
 */
import { configTargets } from "./targets/config.ts";
import { keyTargets } from "./targets/keys.ts";
import { resourceTargets } from "./targets/resources.ts";
import { clientTargets } from "./targets/ssh_client.ts";
import { serverTargets } from "./targets/ssh_server.ts";
import { streamTargets } from "./targets/streams.ts";
import { textTargets } from "./targets/text.ts";
import { tunnelTargets } from "./targets/tunnels.ts";
import { webTargets } from "./targets/web.ts";
import type { FuzzTarget } from "./target.ts";

export const PARSERS: readonly FuzzTarget[] = [
  ...keyTargets,
  ...textTargets,
  ...resourceTargets,
  ...configTargets,
  ...streamTargets,
  ...webTargets,
  ...tunnelTargets,
];
export const PROTOCOLS: readonly FuzzTarget[] = [...serverTargets, ...clientTargets];
export const TARGETS: readonly FuzzTarget[] = [...PARSERS, ...PROTOCOLS];
