/**
 * What the two ends of a tunnel tell each other beside the connections that it carries: lines of JSON on a channel of
 * their own, which the hub opens as soon as the agent has logged in.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import * as v from "valibot";

/** The type of the channel (RFC 4254 section 5.1). */
export const CONTROL_CHANNEL = "teleport-control";

const MAX_LINE = 128 * 1024;
/** What waits for a peer that does not read. */
const MAX_UNSENT = 512 * 1024;
/** More messages than that in one second are no conversation. */
const MAX_PER_SECOND = 64;

const text = (max: number) => v.pipe(v.string(), v.maxLength(max));
const statement = v.pipe(text(64 * 1024), v.regex(/^[A-Za-z0-9+/]*={0,2}$/));

/** From the hub, at first and whenever something of it changes. */
export const helloSchema = v.object({
  type: v.literal("hello"),
  /** The ids of all proxies of this cluster: the agent wants a tunnel to each. */
  proxies: v.pipe(v.array(text(64)), v.maxLength(512)),
  /** What the cluster states of its authorities, base64. */
  statement,
  /** This proxy takes no new connections: the agent looks for another. */
  leaving: v.boolean(),
});

/** From the agent, every few seconds. */
export const beatSchema = v.object({
  type: v.literal("beat"),
  /** What its cluster states of its authorities, base64; left out when it is as before. */
  statement: v.optional(statement),
  /** Its proxies record sessions: clients have to lend their agents. */
  records: v.boolean(),
});

export type Hello = v.InferOutput<typeof helloSchema>;
export type Beat = v.InferOutput<typeof beatSchema>;

/** One end of the channel. */
export class ControlChannel<Received> {
  #rest = "";
  #count = 0;
  #second = 0;

  /** @param schema what the peer may say; anything else ends the channel, and {@linkcode closed} tells */
  constructor(
    readonly stream: Duplex,
    readonly schema: v.GenericSchema<unknown, Received>,
    readonly onMessage: (message: Received) => void,
  ) {
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    stream.on("error", () => {}); // "close" follows
    stream.once("end", () => stream.destroy());
  }

  /** Settles when the channel is gone. */
  get closed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.stream.destroyed) resolve();
      else this.stream.once("close", () => resolve());
    });
  }

  send(message: Hello | Beat): void {
    if (this.stream.destroyed || !this.stream.writable) return;
    if (this.stream.writableLength > MAX_UNSENT) return void this.stream.destroy();
    this.stream.write(`${JSON.stringify(message)}\n`);
  }

  #take(chunk: Buffer): void {
    this.#rest += chunk.toString("latin1"); // JSON is told in ASCII here; anything else fails its schema
    const lines = this.#rest.split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > MAX_LINE) return void this.stream.destroy();
    for (const line of lines) {
      const message = this.#tooMany() || line.length > MAX_LINE ? undefined : parse(line, this.schema);
      if (message === undefined) return void this.stream.destroy();
      this.onMessage(message);
    }
  }

  #tooMany(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) this.#count = 0;
    this.#second = second;
    return ++this.#count > MAX_PER_SECOND;
  }
}

function parse<T>(line: string, schema: v.GenericSchema<unknown, T>): T | undefined {
  try {
    const result = v.safeParse(schema, JSON.parse(line));
    return result.success ? result.output : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
