/**
 * What tctl's commands work with: their common options, and a connection with somebody's rights.
 * @module
 */
import type { ApiClient } from "../../src/api/client.ts";

/** Options every tctl command has. */
export interface TctlOptions {
  config?: string;
  debug?: boolean;
  /** An identity file, in place of the local administrator. */
  identity?: string;
  /** The proxy to go through, in place of the local auth server. */
  proxy?: string;
}

/** A connected administrator. */
export interface Admin {
  api: ApiClient;
  /** Where the cluster is reached when it announces nothing itself. */
  guess: { auth: string; web: string };
  /** The scheme of the web addresses. */
  scheme: "http" | "https";
  /** How we got there, where nobody has asked for it: told with a refusal. */
  way?: string;
  close(): void;
}
