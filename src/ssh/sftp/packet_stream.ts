/**
 * Packets out of a stream of bytes: a length of four bytes before each (draft-ietf-secsh-filexfer-02 section 3).
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { MAX_PACKET } from "./protocol.ts";

/** Some servers send larger ones than OpenSSH would. */
const LARGEST = 4 * MAX_PACKET;
const LENGTH = 4;

export class PacketStream {
  readonly #length = new Uint8Array(LENGTH);
  /** What is being filled: the length, or the packet it announced. */
  #filling = this.#length;
  #filled = 0;

  /**
   * Takes what came, and gives the packets that are whole by now, without their lengths. They are copies.
   * @throws {AppError} bad_input when a length cannot be one
   */
  *take(piece: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
    for (let rest = piece; rest.length > 0;) {
      const count = Math.min(rest.length, this.#filling.length - this.#filled);
      this.#filling.set(rest.subarray(0, count), this.#filled);
      this.#filled += count;
      rest = rest.subarray(count);
      if (this.#filled < this.#filling.length) return;
      const whole = this.#filling;
      this.#filled = 0;
      this.#filling = whole === this.#length ? new Uint8Array(announced(whole)) : this.#length;
      if (whole !== this.#length) yield whole;
    }
  }
}

function announced(bytes: Uint8Array<ArrayBuffer>): number {
  const length = new DataView(bytes.buffer).getUint32(0);
  if (length > 0 && length <= LARGEST) return length;
  const text = String.fromCharCode(...bytes);
  // Text in place of a packet comes from start files of a shell that print something.
  const why = /^[\t\r\n\x20-\x7e]{4}$/.test(text)
    ? `the text "${text.trim()}..." instead of an sftp packet: start files of the login shell must print nothing`
    : `an sftp packet of ${length} bytes, which cannot be`;
  throw new AppError("bad_input", `the server sent ${why}`);
}
