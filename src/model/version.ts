/**
 * The version of this build.
 * @module
 */
import config from "../../deno.json" with { type: "json" };

export const VERSION: string = config.version;

/** The oldest client that this server talks to. */
export const MIN_CLIENT_VERSION = "0.1.0";
