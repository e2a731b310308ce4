/**
 * A man in the middle of an SSH connection. Until the keys are in use he reads and changes what he likes; afterwards he
 * can only drop what he cannot read.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";

export type Toward = "client" | "server";

/** What he does to one direction. */
export interface Attack {
  toward: Toward;
  /** Injects a message with this payload ... */
  inject?: Uint8Array;
  /** ... before the first message with this number. */
  before?: number;
  /** Changes a message in passing; its length may change. */
  rewrite?(payload: Buffer): Buffer;
  /** Drops the first encrypted message: what stands beside NEWKEYS, or comes first after it. */
  dropFirst?: boolean;
}

const NEWKEYS = 21;

/** A message as it travels before the keys are in use. */
export function plainPacket(payload: Uint8Array): Buffer {
  let padding = 8 - (5 + payload.length) % 8;
  if (padding < 4) padding += 8;
  const packet = Buffer.alloc(5 + payload.length + padding);
  packet.writeUInt32BE(1 + payload.length + padding);
  packet[4] = padding;
  packet.set(payload, 5);
  return packet;
}

/** Cuts one direction into its identification line and its messages, and applies the attacks on it. */
class Direction {
  #held = Buffer.alloc(0);
  #stage: "line" | "plain" | "sealed" = "line";
  #injected = false;
  #dropped = 0;

  constructor(readonly attacks: readonly Attack[]) {}

  /** How many bytes were dropped. */
  get dropped(): number {
    return this.#dropped;
  }

  /** What to pass on instead of `chunk`. */
  take(chunk: Buffer): Buffer {
    this.#held = Buffer.concat([this.#held, chunk]);
    const out: Buffer[] = [];
    if (this.#stage === "line") {
      const end = this.#held.indexOf("\n") + 1;
      if (end === 0) return Buffer.alloc(0);
      out.push(this.#consume(end));
      this.#stage = "plain";
    }
    while (this.#stage === "plain" && this.#held.length >= 4) {
      const size = 4 + this.#held.readUInt32BE(0);
      if (this.#held.length < size) break;
      out.push(this.#plain(this.#consume(size)));
    }
    if (this.#stage === "sealed" && this.#held.length > 0) {
      const rest = this.#consume(this.#held.length);
      const drops = this.attacks.some(({ dropFirst }) => dropFirst) && this.#dropped === 0;
      if (drops) this.#dropped = rest.length;
      else out.push(rest);
    }
    return Buffer.concat(out);
  }

  #consume(count: number): Buffer {
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return taken;
  }

  #plain(packet: Buffer): Buffer {
    let payload = packet.subarray(5, packet.length - (packet[4] ?? 0));
    const number = payload[0];
    const out: Buffer[] = [];
    for (const { inject, before, rewrite } of this.attacks) {
      if (inject && before === number && !this.#injected) {
        this.#injected = true;
        out.push(plainPacket(inject));
      }
      if (rewrite) payload = rewrite(payload);
    }
    if (number === NEWKEYS) this.#stage = "sealed";
    return Buffer.concat([...out, plainPacket(payload)]);
  }
}

/** Puts him between two streams. @returns how many sealed bytes he has dropped so far */
export function standBetween(client: Duplex, server: Duplex, attacks: readonly Attack[]): () => number {
  const toward = (side: Toward) => new Direction(attacks.filter((attack) => attack.toward === side));
  const [up, down] = [toward("server"), toward("client")];
  const pass = (from: Duplex, to: Duplex, direction: Direction) => {
    from.on("data", (chunk: Buffer) => {
      const out = direction.take(chunk);
      if (out.length > 0 && to.writable) to.write(out);
    });
    from.on("end", () => to.end());
    from.on("close", () => to.destroy());
    from.on("error", () => {}); // he breaks connections on purpose
  };
  pass(client, server, up);
  pass(server, client, down);
  return () => up.dropped + down.dropped;
}
