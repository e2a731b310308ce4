/**
 * Puts our packet ciphers under ssh2: its createCipher and createDecipher are replaced before its protocol code loads.
 * Algorithms that the current maker does not know stay with ssh2.
 * @module
 */
import { Buffer } from "node:buffer";
import cryptoModule from "ssh2/lib/protocol/crypto.js";
import { type Aead, aeadMaker } from "../cipher.ts";
import { portableMaker } from "./portable_cipher.ts";
import type { InboundConfig, OutboundConfig } from "./internals.ts";

interface CryptoModule {
  createCipher(config: { outbound: OutboundConfig }): unknown;
  createDecipher(config: { inbound: InboundConfig }): unknown;
}

const TAG = 16;
/** RFC 4253 section 6.1 asks for 35000 bytes; more is never sent by anyone. */
const MAX_PACKET = 40_000;

/** The sending side, in the shape ssh2 expects of a cipher. */
class SealingCipher {
  outSeqno: number;
  #free = false;

  constructor(readonly aead: Aead, readonly config: OutboundConfig) {
    this.outSeqno = config.seqno;
  }

  free(): void {
    this.#free = true;
    this.aead.free();
  }

  allocPacket(payloadLength: number): Buffer {
    const block = this.aead.blockSize;
    let padding = block - ((1 + payloadLength) % block);
    if (padding < 4) padding += block;
    const length = 1 + payloadLength + padding;
    const packet = Buffer.allocUnsafe(4 + length + TAG);
    packet.writeUInt32BE(length, 0);
    packet[4] = padding;
    packet.fill(0, 5 + payloadLength, 4 + length);
    return packet;
  }

  encrypt(packet: Buffer): void {
    if (this.#free) return; // the connection is gone: late writers are dropped, as ssh2's own ciphers do
    this.aead.seal(packet, packet.length - 4 - TAG, this.outSeqno);
    this.config.onWrite(packet);
    this.outSeqno = (this.outSeqno + 1) >>> 0;
  }
}

/** The receiving side. */
class OpeningDecipher {
  inSeqno: number;
  _onPayload: InboundConfig["onPayload"];
  readonly #header = Buffer.alloc(4);
  #packet: Buffer | undefined;
  #have = 0;
  #length = 0;

  constructor(readonly aead: Aead, config: InboundConfig) {
    this.inSeqno = config.seqno;
    this._onPayload = config.onPayload;
  }

  free(): void {
    this.aead.free();
  }

  /** Takes bytes of `data` from `at` to `end`; returns where to go on when the consumer changed, as ssh2 wants it. */
  decrypt(data: Buffer, at: number, end: number): number | undefined {
    while (at < end) {
      if (!this.#packet) {
        while (this.#have < 4 && at < end) this.#header[this.#have++] = data[at++] ?? 0;
        if (this.#have < 4) return;
        this.#length = this.aead.readLength(this.#header, this.inSeqno);
        if (this.#length > MAX_PACKET || this.#length < 8) throw new Error("Bad packet length");
        this.#packet = Buffer.allocUnsafe(4 + this.#length + TAG);
        this.#packet.set(this.#header);
      }
      const packet = this.#packet;
      const count = Math.min(packet.length - this.#have, end - at);
      packet.set(data.subarray(at, at + count), this.#have);
      at += count;
      this.#have += count;
      if (this.#have < packet.length) return;
      if (!this.aead.open(packet, this.#length, this.inSeqno)) throw new Error("Invalid MAC");
      const padding = packet[4] ?? 0;
      if (padding + 1 > this.#length) throw new Error("Bad padding length");
      const payload = packet.subarray(5, 4 + this.#length - padding);
      this.inSeqno = (this.inSeqno + 1) >>> 0;
      this.#packet = undefined;
      this.#have = 0;
      const result = this._onPayload(payload);
      if (result !== undefined) return result === false ? at : result;
    }
  }
}

const module = cryptoModule as CryptoModule;
const { createCipher, createDecipher } = module;

module.createCipher = (config) => {
  const { cipherInfo, cipherKey, cipherIV } = config.outbound;
  const aead = cipherInfo &&
    (aeadMaker() ?? portableMaker).make(cipherInfo.sslName, cipherKey, cipherIV, true);
  return aead ? new SealingCipher(aead, config.outbound) : createCipher(config);
};

module.createDecipher = (config) => {
  const { decipherInfo, decipherKey, decipherIV } = config.inbound;
  const aead = decipherInfo &&
    (aeadMaker() ?? portableMaker).make(decipherInfo.sslName, decipherKey, decipherIV, false);
  return aead ? new OpeningDecipher(aead, config.inbound) : createDecipher(config);
};
