/**
 * Calls to an etcd cluster through the JSON gateway of its members (etcd's `api-reference`, gRPC codes of
 * `google.rpc.Code`). A member that does not answer is left for the next one, until a deadline. A call may therefore
 * arrive twice: whoever makes one must be able to tell, or not care.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { SECOND } from "../base/duration.ts";
import { AppError, isAppError } from "../base/errors.ts";
import type { EtcdAnswer, EtcdTransport } from "./etcd_transport.ts";
import { deepMessage, networkReason } from "./network_reason.ts";

/** One member's answer must be there within this time; an election takes about as long. */
const ATTEMPT_MS = 3 * SECOND;
/** And some member's within this. */
const DEADLINE_MS = 12 * SECOND;
const PAUSE_MS = 150;
/** Of etcd's default limit for a request the 40-fold: a page of the largest entries. */
const MAX_ANSWER = 64 * 1024 * 1024;
/** Codes of gRPC after which another attempt may succeed. */
const AGAIN: ReadonlySet<number> = new Set([4, 10, 14]);
const CODE_NOT_FOUND = 5;
const CODE_OUT_OF_RANGE = 11;
const CODE_EXHAUSTED = 8;

/** What etcd says of a request that it refuses. */
interface Refusal {
  code?: number;
  error?: string;
  message?: string;
}

export class EtcdGateway {
  #current = 0;
  readonly #closing = new AbortController();

  /** @param peers URLs without a path, at least one */
  constructor(readonly peers: readonly string[], readonly transport: EtcdTransport, readonly clock: Clock) {}

  /**
   * Calls one member after the other until one answers.
   * @param path as `/v3/kv/range`
   * @throws {AppError} not_found and others for what etcd refuses; access_denied when no member's certificate is
   * accepted, or ours by none; unavailable, naming every member, when none answers
   */
  async call<T>(path: string, body: unknown, deadlineMs = DEADLINE_MS): Promise<T> {
    const text = JSON.stringify(body);
    const end = this.clock.now() + deadlineMs;
    const troubles = new Map<string, unknown>();
    for (let attempt = 1;; attempt++) {
      const peer = this.#peer();
      try {
        return await this.#ask<T>(peer, path, text);
      } catch (error) {
        if (this.#closing.signal.aborted) throw new AppError("closed", "the store was closed");
        if (isAppError(error) && error.code !== "unavailable") throw error;
        if (!(error instanceof Error)) throw error;
        troubles.set(peer, error);
        this.#current++;
        const all = attempt >= this.peers.length;
        if (all && [...troubles.values()].every(isCertificateTrouble)) {
          throw this.#trouble("access_denied", troubles);
        }
        if (all && this.clock.now() >= end) throw this.#trouble("unavailable", troubles);
        if (attempt % this.peers.length === 0) await this.#pause();
      }
    }
  }

  /**
   * Opens a stream of JSON lines from some member.
   * @throws {AppError} unavailable, naming the member
   */
  async stream(path: string, body: unknown, signal: AbortSignal): Promise<AsyncIterable<string>> {
    const peer = this.#peer();
    const opening = new AbortController();
    const timer = this.clock.after(ATTEMPT_MS, () => opening.abort());
    try {
      const both = AbortSignal.any([signal, opening.signal, this.#closing.signal]);
      const answer = await this.transport.post(`${peer}${path}`, JSON.stringify(body), both);
      if (answer.status !== 200) throw refusalOf(await wholeText(answer), answer.status);
      return linesOf(answer.body);
    } catch (error) {
      this.#current++;
      throw this.#trouble("unavailable", new Map([[peer, error]]));
    } finally {
      timer.cancel();
    }
  }

  async #ask<T>(peer: string, path: string, body: string): Promise<T> {
    const timeout = new AbortController();
    const timer = this.clock.after(ATTEMPT_MS, () => timeout.abort());
    try {
      const signal = AbortSignal.any([timeout.signal, this.#closing.signal]);
      const answer = await this.transport.post(`${peer}${path}`, body, signal);
      const text = await wholeText(answer);
      if (answer.status !== 200) throw refusalOf(text, answer.status);
      return JSON.parse(text);
    } catch (error) {
      if (timeout.signal.aborted) {
        throw new AppError("unavailable", `no answer within ${ATTEMPT_MS / 1000} s`);
      }
      if (error instanceof SyntaxError) throw new AppError("unavailable", "its answer is no JSON");
      throw error;
    } finally {
      timer.cancel();
    }
  }

  #peer(): string {
    return this.peers[this.#current % this.peers.length] ?? "";
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.clock.after(PAUSE_MS, resolve));
  }

  #trouble(code: "unavailable" | "access_denied", troubles: ReadonlyMap<string, unknown>): AppError {
    const each = [...troubles].map(([peer, error]) => `${peer}: ${networkReason(error)}`).join("; ");
    const advice = code === "access_denied"
      ? "; check tls_cert_file, tls_key_file and tls_ca_file of teleport.storage"
      : "";
    return new AppError(code, `etcd does not serve: ${each}${advice}`);
  }

  close(): void {
    this.#closing.abort();
    this.transport.close();
  }
}

async function wholeText({ body }: EtcdAnswer): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > MAX_ANSWER) throw new AppError("limit", "etcd: an answer is too large");
    parts.push(part);
  }
  return await new Blob(parts as BlobPart[]).text();
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of body) {
    rest += decoder.decode(part, { stream: true });
    if (rest.length > MAX_ANSWER) throw new AppError("limit", "etcd: a line of a watch is too long");
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
}

/** The error for an answer that is not 200. */
function refusalOf(text: string, status: number): AppError {
  let refusal: Refusal;
  try {
    refusal = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const advice = status === 404 ? "; is this etcd 3.4 or newer, with its JSON gateway?" : "";
    return new AppError(
      status >= 500 ? "unavailable" : "unsupported",
      `it answers with status ${status}${advice}`,
    );
  }
  const says = refusal.message ?? refusal.error ?? `status ${status}`;
  switch (refusal.code) {
    case CODE_NOT_FOUND:
      return new AppError("not_found", `etcd: ${says}`);
    case CODE_OUT_OF_RANGE:
      return new AppError("conflict", `etcd: ${says}`);
    case CODE_EXHAUSTED:
      return new AppError(
        "limit",
        `etcd: ${says}; when its space is used up, compact and defragment it, then "etcdctl alarm disarm"`,
      );
    default:
      return new AppError(AGAIN.has(refusal.code ?? -1) ? "unavailable" : "internal", `etcd: ${says}`);
  }
}

/** Whether a certificate is what is wrong, so that no waiting helps. */
function isCertificateTrouble(error: unknown): boolean {
  const text = deepMessage(error);
  return /invalid peer certificate|bad ?certificate|certificate ?required|unknown ?(?:ca|issuer|certificate ?authority)|certificate ?(?:expired|unknown|revoked)|self-signed certificate|decrypt ?error/i
    .test(text);
}
