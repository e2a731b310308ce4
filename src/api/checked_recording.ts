/**
 * Recordings as tools and pages read them: through the API or out of files, each looked at for changes while it is read.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Caller } from "./client.ts";
import { identifyHost, type Trust } from "./identity.ts";
import { isAppError } from "../base/errors.ts";
import { readRecording, type RecordingFrame, type RecordingSource } from "../session/reader.ts";
import { SealCheck, type SealVerdict } from "../session/seal.ts";

/** A recording on the auth server. */
export function remoteRecording(api: Caller, sid: string): RecordingSource {
  return {
    async read(part, offset, length) {
      const { data } = await api.call("recordings.read", { sid, part, offset, length });
      return Buffer.from(data, "base64");
    },
  };
}

/** Who may have signed a recording; nothing is known of it for a file. */
export type SignerTrust = Pick<Trust, "cluster" | "host">;

/** A recording that can be read several times, and what was found out at the last time. */
export class CheckedRecording {
  readonly #source: RecordingSource;
  readonly #sid: string;
  readonly #trust: SignerTrust | undefined;
  #check: SealCheck | undefined;

  constructor(source: RecordingSource, sid: string, trust?: SignerTrust) {
    this.#source = source;
    this.#sid = sid;
    this.#trust = trust;
  }

  /** From its start. Iterating throws AppError `bad_input` that names the place where something was changed. */
  frames(): AsyncIterable<RecordingFrame> {
    this.#check = new SealCheck(this.#sid);
    return readRecording(this.#source, this.#check);
  }

  /** Of what was read last. */
  verdict(): Verdict {
    return judge(this.#check?.verdict ?? { state: "none" }, this.#trust);
  }
}

export interface Verdict {
  /** Nothing is missing: the recording is as its host has made it. */
  sound: boolean;
  /** In words. */
  text: string;
}

function judge({ state, signer }: SealVerdict, trust: SignerTrust | undefined): Verdict {
  if (state === "none") return { sound: false, text: "it carries no seal, so changes would not show" };
  if (!signer) {
    return { sound: false, text: "unchanged so far; its end, which would be signed, is not there" };
  }
  const { certificate, at } = signer;
  const host = certificate.keyId.replace(/[^\w.-]/g, "?").slice(0, 64);
  if (!trust) {
    return {
      sound: true,
      text: `unchanged, signed by host ${host}; whether that is one of the cluster is not known`,
    };
  }
  try {
    identifyHost(certificate, { trust, now: at, roles: ["node", "proxy"] });
    return { sound: true, text: `unchanged, signed by host ${host}` };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return {
      sound: false,
      text:
        `signed by host ${host}, which the cluster's authorities of today do not vouch for: ${error.message}`,
    };
  }
}
