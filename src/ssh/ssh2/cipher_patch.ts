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
import { packetBound } from "./packet_bound.ts";
import type { BlockOutput } from "../../base/block_output.ts";
import type { PacketWrite } from "./packet_output.ts";

interface CryptoModule {
  createCipher(config: { outbound: OutboundConfig }): unknown;
  createDecipher(config: { inbound: InboundConfig }): unknown;
}

const TAG = 16;
const CHANNEL_DATA = 94;

/** The sending side, in the shape ssh2 expects of a cipher. */
class SealingCipher {
  outSeqno: number;
  readonly #output: BlockOutput | undefined;
  #free = false;

  constructor(readonly aead: Aead, readonly config: OutboundConfig) {
    this.outSeqno = config.seqno;
    this.#output = (config.onWrite as PacketWrite).output;
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
    const packet = this.#output?.alloc(4 + length + TAG) ?? Buffer.allocUnsafe(4 + length + TAG);
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

/**
 * The receiving side. A packet that lies whole in what the socket gave is decrypted where it lies, else its pieces are
 * gathered first.
 */
class OpeningDecipher {
  /** What it is given may be lent: only channel data is handed on as it lies there. */
  readonly inPlace = true;
  inSeqno: number;
  _onPayload: InboundConfig["onPayload"];
  readonly #header = Buffer.alloc(4);
  /** The packet that is being gathered. */
  #packet: Buffer | undefined;
  #have = 0;
  #length = 0;
  readonly #onPayload: InboundConfig["onPayload"];

  constructor(readonly aead: Aead, config: InboundConfig) {
    this.inSeqno = config.seqno;
    this._onPayload = config.onPayload;
    this.#onPayload = config.onPayload; // while keys are exchanged, ssh2 puts another in the other one's place
  }

  free(): void {
    this.aead.free();
  }

  /** Takes bytes of `data` from `at` to `end`; returns where to go on when the consumer changed, as ssh2 wants it. */
  decrypt(data: Buffer, at: number, end: number): number | undefined {
    while (at < end) {
      let packet: Buffer;
      if (this.#have === 0 && end - at >= 4) {
        this.#readLength(data.subarray(at, at + 4));
        const size = 4 + this.#length + TAG;
        if (end - at < size) {
          at = this.#gather(data, at, end);
          continue;
        }
        packet = data.subarray(at, at + size);
        at += size;
      } else {
        at = this.#gather(data, at, end);
        if (!this.#packet || this.#have < this.#packet.length) continue;
        packet = this.#packet;
        this.#packet = undefined;
        this.#have = 0;
      }
      const result = this._onPayload(this.#open(packet));
      if (result !== undefined) return result === false ? at : result;
    }
  }

  #readLength(header: Buffer): void {
    const length = this.aead.readLength(header, this.inSeqno);
    if (length > packetBound(this.#onPayload) || length < 8) throw new Error("Bad packet length");
    this.#length = length;
  }

  /** Adds to the packet that is being gathered. @returns where the rest starts */
  #gather(data: Buffer, at: number, end: number): number {
    if (!this.#packet) {
      while (this.#have < 4 && at < end) this.#header[this.#have++] = data[at++] ?? 0;
      if (this.#have < 4) return at;
      this.#readLength(this.#header);
      this.#packet = Buffer.allocUnsafe(4 + this.#length + TAG);
      this.#packet.set(this.#header);
    }
    const packet = this.#packet;
    const count = Math.min(packet.length - this.#have, end - at);
    packet.set(data.subarray(at, at + count), this.#have);
    this.#have += count;
    return at + count;
  }

  /** The payload of a whole packet. */
  #open(packet: Buffer): Buffer {
    const length = this.#length;
    if (!this.aead.open(packet, length, this.inSeqno)) throw new Error("Invalid MAC");
    const padding = packet[4] ?? 0;
    if (padding + 1 > length) throw new Error("Bad padding length");
    this.inSeqno = (this.inSeqno + 1) >>> 0;
    const payload = packet.subarray(5, 4 + length - padding);
    return payload[0] === CHANNEL_DATA ? payload : Buffer.from(payload);
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
