/**
 * Every target.
 * @module
 */
import { keyTargets } from "./targets/keys.ts";
import { textTargets } from "./targets/text.ts";
import type { FuzzTarget } from "./target.ts";

export const PARSERS: readonly FuzzTarget[] = [...keyTargets, ...textTargets];
export const PROTOCOLS: readonly FuzzTarget[] = [];
export const TARGETS: readonly FuzzTarget[] = [...PARSERS, ...PROTOCOLS];
