/**
 * What a daemon and the one that is to take over from it say to each other, on a pair of sockets: JSON, one message a
 * line. They may be of different versions: what one does not know it leaves alone.
 * @module
 */
import * as v from "valibot";

/** Raised when an old daemon and a new one could no longer understand each other. */
export const PROTOCOL = 1;

const address = v.object({ host: v.string(), port: v.number() });

/** A listening socket that goes with the start of the new daemon. */
const socket = v.object({
  /** Which service listens there. */
  name: v.string(),
  /** What the configuration asked for; a port 0 took any. */
  wanted: address,
  /** What it got. */
  address,
  /** Its number in the new process. */
  fd: v.number(),
});

const message = v.variant("type", [
  /** From the old one: who it is and what it has. */
  v.object({
    type: v.literal("hello"),
    protocol: v.number(),
    pid: v.number(),
    sockets: v.array(socket),
    /** Whether it runs the auth role, which only one process can. */
    hasAuth: v.boolean(),
    /** Joins the roles of this host to its auth role. */
    localToken: v.optional(v.string()),
  }),
  /** From the new one: its other roles are ready, now it wants to be auth. */
  v.object({ type: v.literal("take_auth") }),
  /** From the old one: it has let go of the store. */
  v.object({ type: v.literal("auth_released") }),
  /** From the new one: everything runs. */
  v.object({ type: v.literal("ready") }),
  /** From the new one: it cannot start, and ends. */
  v.object({ type: v.literal("failed"), reason: v.string() }),
]);

export type HandoverMessage = v.InferOutput<typeof message>;
export type Hello = Extract<HandoverMessage, { type: "hello" }>;
export type InheritedSocket = v.InferOutput<typeof socket>;

/** The message of a line, or undefined for one this version does not know. */
export function parseMessage(line: string): HandoverMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const parsed = v.safeParse(message, value);
  return parsed.success ? parsed.output : undefined;
}
