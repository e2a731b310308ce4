/**
 * A client of ssh-agent (draft-ietf-sshm-ssh-agent): adds, lists and removes keys with certificates.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { AppError } from "../base/errors.ts";
import type { Certificate } from "./certificate.ts";
import { type PrivateKey, privateKeyFields } from "./private_key.ts";
import { WireReader, WireWriter } from "./wire.ts";

const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const REMOVE_IDENTITY = 18;
const ADD_ID_CONSTRAINED = 25;
const SUCCESS = 6;
const CONSTRAIN_LIFETIME = 1;
/** Which hash an RSA key signs with; other keys have one. */
const SIGN_FLAGS: Readonly<Record<string, number>> = { "rsa-sha2-256": 2, "rsa-sha2-512": 4 };
const MAX_ANSWER = 256 * 1024;
const TIMEOUT_MS = 5000;
/** An agent may ask its user before it signs. */
const SIGN_TIMEOUT_MS = 60_000;

/** A key the agent holds. */
export interface AgentKey {
  blob: Buffer;
  comment: string;
}

/** What is asked of an agent to log in with what it holds. */
export interface Agent {
  list(): Promise<AgentKey[]>;
  /** @returns the signature blob */
  sign(blob: Uint8Array, data: Uint8Array, algorithm: string): Promise<Buffer>;
}

/** One agent, over a connection for each request. */
export class AgentClient implements Agent {
  /** @param dial opens a connection to the agent's socket */
  constructor(readonly dial: () => Promise<Duplex>) {}

  async list(): Promise<AgentKey[]> {
    const reader = new WireReader(await this.#request(new WireWriter().byte(REQUEST_IDENTITIES).bytes()));
    if (reader.byte() !== IDENTITIES_ANSWER) {
      throw new AppError("unavailable", "the agent refuses to list its keys");
    }
    return Array.from({ length: Math.min(reader.uint32(), 4096) }, () => ({
      blob: reader.string(),
      comment: reader.text(),
    }));
  }

  /**
   * Adds a key with its certificate.
   * @param lifetime seconds until the agent forgets it
   * @returns false when the agent refuses, as agents that know no certificates do
   */
  async add(key: PrivateKey, certificate: Certificate, comment: string, lifetime: number): Promise<boolean> {
    const message = new WireWriter().byte(ADD_ID_CONSTRAINED).string(certificate.type).string(
      certificate.blob,
    )
      .raw(certifiedFields(key)).string(comment).byte(CONSTRAIN_LIFETIME).uint32(lifetime).bytes();
    return (await this.#request(message))[0] === SUCCESS;
  }

  /**
   * Signs with a key that the agent lists.
   * @param blob the public key or certificate
   * @param algorithm the signature's, as `rsa-sha2-512`
   * @returns the signature blob
   */
  async sign(blob: Uint8Array, data: Uint8Array, algorithm: string): Promise<Buffer> {
    const flags = Object.hasOwn(SIGN_FLAGS, algorithm) ? SIGN_FLAGS[algorithm] ?? 0 : 0;
    const message = new WireWriter().byte(SIGN_REQUEST).string(blob).string(data).uint32(flags).bytes();
    const reader = new WireReader(await this.#request(message, SIGN_TIMEOUT_MS));
    if (reader.byte() !== SIGN_RESPONSE) throw new AppError("unavailable", "the agent refuses to sign");
    const signature = reader.string();
    reader.end();
    return signature;
  }

  async remove(blob: Uint8Array): Promise<boolean> {
    const answer = await this.#request(new WireWriter().byte(REMOVE_IDENTITY).string(blob).bytes());
    return answer[0] === SUCCESS;
  }

  async #request(message: Buffer, timeoutMs = TIMEOUT_MS): Promise<Buffer> {
    const stream = await this.dial();
    try {
      return await exchange(stream, message, timeoutMs);
    } finally {
      stream.destroy();
    }
  }
}

function exchange(stream: Duplex, message: Buffer, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const fail = (text: string) => reject(new AppError("unavailable", text));
    const timer = setTimeout(() => fail("the ssh-agent does not answer"), timeoutMs);
    let received = Buffer.alloc(0);
    stream.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4) return;
      const length = received.readUInt32BE(0);
      if (length > MAX_ANSWER) return fail("the ssh-agent's answer is too large");
      if (received.length < 4 + length) return;
      clearTimeout(timer);
      resolve(received.subarray(4, 4 + length));
    });
    stream.once("error", (error) => fail(`the ssh-agent cannot be used: ${error.message}`));
    const ended = () => {
      clearTimeout(timer);
      fail("the ssh-agent closed the connection");
    };
    stream.once("end", ended).once("close", ended);
    stream.write(new WireWriter().string(message).bytes());
  });
}

/** For a certified key the agent takes the certificate and what it does not already contain. */
function certifiedFields(key: PrivateKey): Buffer {
  const reader = new WireReader(privateKeyFields(key));
  const type = reader.text();
  if (type === "ssh-ed25519") return reader.rest();
  const skipped = 2; // RSA: modulus and exponent; ECDSA: curve and point
  for (let i = 0; i < skipped; i++) reader.string();
  return reader.rest();
}
