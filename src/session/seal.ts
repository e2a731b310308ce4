/**
 * What shows that a recording is as it was made: a hash chain through the lines of its log, which covers the output each
 * print stands for, and a signature of the recording host under its end.
 *
 * Each line ends with `"sum"`: the first 22 characters of base64url(SHA-256(output, LF, line without its sum, LF, sum of
 * the line before)), where only a print has output. The last line carries before its sum the host's certificate and its
 * signature of the sum that the line would have without them.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import { AppError, isAppError } from "../base/errors.ts";
import { type Certificate, formatCertificateLine, parseCertificateLine } from "../ssh/certificate.ts";
import type { PrivateKey } from "../ssh/private_key.ts";
import { sign, verify } from "../ssh/signature.ts";
import type { LogEntry } from "./recording_format.ts";

const SUM = 22;
/** Before what is signed, so that the signature means nothing elsewhere. */
const PURPOSE = "session recording v1";

/** Who signs the ends of recordings. */
export interface Sealer {
  key: PrivateKey;
  certificate: Certificate;
}

/** The sums of a log's lines, in order. */
export class Chain {
  #last: string;
  #output: Hash | undefined;

  /** @param last the sum of the line before, empty at the start of a log */
  constructor(last = "") {
    this.#last = last;
  }

  /** Output that the next line stands for. */
  feed(output: Uint8Array): void {
    this.#output ??= createHash("sha256");
    this.#output.update(output);
  }

  /** The sum of the next line, if it were this. */
  sum(body: string): string {
    const hash = this.#output?.copy() ?? createHash("sha256");
    return hash.update(`\n${body}\n${this.#last}`).digest("base64url").slice(0, SUM);
  }

  /** The next line is this. @returns it with its sum, and without a line feed, as the body has none */
  seal(body: string): string {
    this.#last = this.sum(body);
    this.#output = undefined;
    return `${body.slice(0, -1)},"sum":"${this.#last}"}`;
  }

  /** The last line, signed. */
  sealEnd(body: string, sid: string, { key, certificate }: Sealer): string {
    const signature = Buffer.from(sign(key, signed(sid, this.sum(body)))).toString("base64");
    const line = formatCertificateLine(certificate).trim();
    return this.seal(`${body.slice(0, -1)},"certificate":"${line}","signature":"${signature}"}`);
  }
}

function signed(sid: string, sum: string): Uint8Array {
  return new TextEncoder().encode(`${PURPOSE}\n${sid}\n${sum}`);
}

/** What a look at the whole recording has shown. */
export interface SealVerdict {
  /** `none`: made by a version that did not seal; `open`: no end yet, or an end without a signature. */
  state: "none" | "open" | "signed";
  /** Whose certificate the signature is by, and when it was made, in milliseconds since the epoch. */
  signer?: { certificate: Certificate; at: number };
}

/** Follows a log and its output, and finds the first place that is not as it was. */
export class SealCheck {
  readonly #sid: string;
  #chain: Chain | undefined;
  #lines = 0;
  #verdict: SealVerdict = { state: "none" };

  constructor(sid: string) {
    this.#sid = sid;
  }

  /** Of what was read so far. */
  get verdict(): SealVerdict {
    return this.#verdict;
  }

  /**
   * The next line, and the output it stands for.
   * @throws {AppError} bad_input naming the place when something was changed
   */
  next(entry: LogEntry, output: readonly Uint8Array[] = []): void {
    if (++this.#lines === 1 && entry.sealed) {
      this.#chain = new Chain();
      this.#verdict = { state: "open" };
    }
    const chain = this.#chain;
    if (!chain) return;
    for (const piece of output) chain.feed(piece);
    const { body, sum } = entry.sealed ?? { body: "", sum: undefined };
    if (sum === undefined || chain.sum(body) !== sum) throw this.#changed(entry);
    const end = /^(.*),"certificate":"([^"\\]+)","signature":"([\w+/=]+)"\}$/s.exec(body);
    if (end) this.#verifyEnd(chain, `${end[1]}}`, end[2] ?? "", end[3] ?? "", entry);
    else if (this.#verdict.state === "signed") throw this.#changed(entry);
    chain.seal(body);
  }

  #verifyEnd(chain: Chain, body: string, line: string, signature: string, entry: LogEntry): void {
    let certificate: Certificate;
    try {
      certificate = parseCertificateLine(line);
    } catch (error) {
      if (isAppError(error)) throw this.#changed(entry);
      throw error;
    }
    const data = signed(this.#sid, chain.sum(body));
    if (!verify(certificate.key, Buffer.from(signature, "base64"), data)) {
      throw new AppError("bad_input", "the signature under the end of the recording is not its host's");
    }
    this.#verdict = { state: "signed", signer: { certificate, at: Date.parse(entry.time) } };
  }

  #changed(entry: LogEntry): AppError {
    const line = `line ${this.#lines} of the session log`;
    const where = entry.kind === "print"
      ? `${bytes(entry.offset, entry.bytes)} of the output, or ${line}, which tells of it`
      : `${line}, or the line before it`;
    return new AppError("bad_input", `the recording was changed after it was made: ${where}`);
  }
}

function bytes(offset: number, count: number): string {
  return count === 1 ? `byte ${offset}` : `bytes ${offset} to ${offset + count - 1}`;
}
