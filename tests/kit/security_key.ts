/**
 * A security key made of software: registers as browsers do, signs as browsers and as `u2f-host` do.
 * @module
 */
import { Buffer } from "node:buffer";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import type { KeyChallenge, RegistrationOptions } from "../../src/model/security_key.ts";

const PRESENT = 1;
const ATTESTED = 0x40;

const sha256 = (data: Uint8Array | string) => createHash("sha256").update(data).digest();
const base64url = (data: Uint8Array) => Buffer.from(data).toString("base64url");

/** What a test may change in what the key says. */
export interface Twist {
  origin?: string;
  challenge?: string;
  relyingParty?: string;
  /** 0: nobody touched the key. */
  flags?: number;
  counter?: number;
  /** The purpose that is signed. */
  type?: string;
}

export class SoftwareKey {
  counter = 0;

  constructor(
    readonly origin: string,
    readonly id: Buffer = Buffer.from(crypto.getRandomValues(new Uint8Array(64))),
    readonly privateKey: KeyObject = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  ) {}

  /** The private key in PKCS #8, with what else `u2f_host.ts` needs. */
  save(): string {
    const key = this.privateKey.export({ format: "der", type: "pkcs8" }).toString("base64");
    return JSON.stringify({ key, id: base64url(this.id), counter: this.counter });
  }

  static load(text: string, origin: string): SoftwareKey {
    const { key, id, counter } = JSON.parse(text);
    const privateKey = createPrivateKey({ key: Buffer.from(key, "base64"), format: "der", type: "pkcs8" });
    const loaded = new SoftwareKey(origin, Buffer.from(id, "base64url"), privateKey);
    loaded.counter = counter;
    return loaded;
  }

  /** `navigator.credentials.create` (WebAuthn §7.1), without attestation. */
  register({ challenge, rp }: RegistrationOptions, twist: Twist = {}) {
    const { x = "", y = "" } = createPublicKey(this.privateKey).export({ format: "jwk" });
    const cose = Buffer.concat([
      Buffer.from("a5010203262001215820", "hex"),
      Buffer.from(x, "base64url"),
      Buffer.from("225820", "hex"),
      Buffer.from(y, "base64url"),
    ]);
    const length = Buffer.from([this.id.length >> 8, this.id.length & 255]);
    const attested = Buffer.concat([Buffer.alloc(16), length, this.id, cose]);
    const data = Buffer.concat([this.#head(rp.id, { flags: PRESENT | ATTESTED, ...twist }), attested]);
    // {"fmt": "none", "attStmt": {}, "authData": data} in CBOR
    const attestation = Buffer.concat([
      Buffer.from("a363666d74646e6f6e656761747453746d74a068617574684461746159", "hex"),
      Buffer.from([data.length >> 8, data.length & 255]),
      data,
    ]);
    const client = this.#webClientData("webauthn.create", challenge, twist);
    return {
      ...this.#named(),
      response: { attestationObject: base64url(attestation), clientDataJSON: base64url(client) },
    };
  }

  /** `navigator.credentials.get` (WebAuthn §7.2). */
  answerBrowser({ publicKey: { challenge, rpId } }: KeyChallenge, twist: Twist = {}) {
    this.counter++;
    const head = this.#head(rpId, twist);
    const client = this.#webClientData("webauthn.get", challenge, twist);
    const signature = sign("sha256", Buffer.concat([head, sha256(client)]), this.privateKey);
    return {
      ...this.#named(),
      response: {
        authenticatorData: base64url(head),
        clientDataJSON: base64url(client),
        signature: base64url(signature),
      },
    };
  }

  /** `u2f-host -aauthenticate` (FIDO U2F Raw Message Formats §5.4). */
  answerRaw({ challenge, appId }: Pick<KeyChallenge, "challenge" | "appId">, twist: Twist = {}) {
    this.counter++;
    const client = Buffer.from(JSON.stringify({
      challenge: twist.challenge ?? challenge,
      origin: twist.origin ?? this.origin,
      typ: twist.type ?? "navigator.id.getAssertion",
    }));
    const head = this.#head(appId, twist);
    const signature = sign("sha256", Buffer.concat([head, sha256(client)]), this.privateKey);
    return {
      signatureData: base64url(Buffer.concat([head.subarray(32), signature])),
      clientData: base64url(client),
      keyHandle: base64url(this.id),
    };
  }

  #named() {
    return {
      id: base64url(this.id),
      rawId: base64url(this.id),
      type: "public-key",
      clientExtensionResults: {},
    };
  }

  #head(relyingParty: string, twist: Twist): Buffer {
    const head = Buffer.alloc(37);
    sha256(twist.relyingParty ?? relyingParty).copy(head);
    head.writeUInt8(twist.flags ?? PRESENT, 32);
    head.writeUInt32BE(twist.counter ?? this.counter, 33);
    return head;
  }

  #webClientData(type: string, challenge: string, twist: Twist): Buffer {
    return Buffer.from(JSON.stringify({
      type: twist.type ?? type,
      challenge: twist.challenge ?? challenge,
      origin: twist.origin ?? this.origin,
      crossOrigin: false,
    }));
  }
}
