/**
 * Strict key exchange (OpenSSH PROTOCOL section 1.10), the answer to the Terrapin attack (CVE-2023-48795): ChaCha20 and
 * the encrypt-then-MAC modes are safe with it only. We always offer it; a peer that does not gets AES-GCM and nothing
 * else. What we offer thus depends on what the peer offers: unless its identification line tells that it knows strict
 * key exchange, our KEXINIT waits for the peer's.
 * @module
 */
import type { Buffer } from "node:buffer";
import { setTimeout } from "node:timers";
import { isAppError } from "../../base/errors.ts";
import { WireReader } from "../wire.ts";
import { isGcm } from "./algorithms.ts";
import { disconnectWith, REASON } from "./disconnect.ts";
import { noteExtInfo, sendExtInfo } from "./ext_info.ts";
import type { Kex, Ssh2Connection } from "./internals.ts";
import { holdKexInit, releaseKexInit, withLists } from "./kex_patch.ts";
import { hardenExchange, onKeyExchange } from "./key_exchange.ts";

const KEXINIT = 20;
/** A peer that waits for our KEXINIT before it sends its own is not kept longer than this. */
const HOLD_MS = 1000;
/** The identification line of this program, which never delays what it sends. */
const OURS = "SSH-2.0-Teleport";

/**
 * Watches over the key exchanges of one connection. Call it on a server's connection when the client's identification
 * line is there, on a client's before.
 * @param broken told why the connection ends; the other side is told as well
 */
export function guardKeyExchange(library: Ssh2Connection, broken: (reason: string) => void): void {
  const protocol = library._protocol;
  const end = (reason: string) => {
    disconnectWith(library, REASON.keyExchangeFailed, reason);
    broken(reason);
  };
  onKeyExchange(protocol, hardenExchange);
  if (protocol._server) guardFirst(library, end);
  else {
    noteExtInfo(protocol);
    const onHeader = protocol._onHeader;
    protocol._onHeader = (header) => {
      guardFirst(library, end);
      onHeader(header);
    };
  }
  const complete = protocol._onHandshakeComplete;
  let first = true;
  protocol._onHandshakeComplete = (negotiated) => {
    const weak = weakWithoutStrict(negotiated);
    if (!protocol._strictMode && weak) return end(`${LACKING}, without which ${weak} is not safe`);
    if (first) sendExtInfo(protocol);
    first = false;
    complete(negotiated);
  };
}

const LACKING = "the other side does not know strict key exchange (CVE-2023-48795)";

/** A negotiated cipher that needs strict key exchange. */
function weakWithoutStrict({ cs, sc }: Kex["negotiated"]): string | undefined {
  return [cs.cipher, sc.cipher].find((cipher) => !isGcm(cipher));
}

/** The first key exchange: decides what is offered, and under strict key exchange lets no other message in. */
function guardFirst(library: Ssh2Connection, end: (reason: string) => void): void {
  const protocol = library._protocol;
  const decipher = protocol._decipher;
  if (!decipher) return;
  const dispatch = decipher._onPayload;
  let strict: boolean | undefined;
  const line = protocol._remoteIdentRaw?.toString("latin1") ?? "";
  // OpenSSH's client sends its KEXINIT at once and its next message when that one is acknowledged: with an answer of ours
  // at once, without one after the 40 ms of a delayed acknowledgement. So ours is better sent after its own.
  let held = protocol._server ? line !== OURS : !knowsStrictKex(line);

  /** Sends the KEXINIT that was held. @returns false when there is nothing to offer */
  const release = (theirsIsStrict: boolean): boolean => {
    if (!held) return true;
    held = false;
    if (!theirsIsStrict) {
      const gcm = protocol._offer.lists.cs.cipher.array.filter(isGcm);
      if (gcm.length === 0) {
        end(`${LACKING}, without which none of the configured ciphers is safe`);
        return false;
      }
      protocol._offer = withLists(protocol._offer, { ciphers: gcm });
    }
    releaseKexInit(protocol);
    return true;
  };

  if (held) {
    holdKexInit(protocol);
    const timer = setTimeout(() => {
      if (library._sock.writable) release(false);
    }, HOLD_MS);
    timer.unref();
    library.once("close", () => clearTimeout(timer));
  }
  decipher._onPayload = (payload) => {
    if (payload.length === 0 && strict) {
      end("an empty packet during a strict key exchange"); // the one that ssh2 passes over
      return Infinity;
    }
    if (payload[0] === KEXINIT && strict === undefined) {
      strict = offersStrictKex(payload, protocol._server);
      if (!release(strict)) return Infinity;
    }
    return dispatch(payload);
  };
}

/** Whether a KEXINIT carries the marker of strict key exchange of its side. */
function offersStrictKex(payload: Buffer, fromClient: boolean): boolean {
  try {
    const names = new WireReader(payload.subarray(17)).text().split(",");
    return names.includes(fromClient ? "kex-strict-c-v00@openssh.com" : "kex-strict-s-v00@openssh.com");
  } catch (error) {
    if (isAppError(error, "bad_input")) return false; // ssh2 refuses it in a moment
    throw error;
  }
}

/**
 * Whether software with this identification line is known to offer strict key exchange. A line can only save the wait:
 * what was really negotiated is checked at the end.
 */
export function knowsStrictKex(line: string): boolean {
  if (line === OURS) return true;
  const [, major, minor] = /^SSH-2\.0-OpenSSH_(\d{1,3})\.(\d{1,3})/.exec(line) ?? [];
  if (Number(major) > 9 || Number(major) === 9 && Number(minor) >= 6) return true;
  // Debian 12 has it from this update on; other systems that brought it to old versions do not say so in the line.
  const [, update] = /^SSH-2\.0-OpenSSH_9\.2p1 Debian-2\+deb12u(\d{1,3})$/.exec(line) ?? [];
  return Number(update) >= 2;
}
