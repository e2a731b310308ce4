/**
 * An ssh-agent for logins (draft-ietf-sshm-ssh-agent): it lists one certificate, and signs with its key that somebody logs
 * in with it as one of some OS users (RFC 4252 section 7), and nothing else. Lent to a host, it is of less use there than an
 * agent that signs whatever it is given.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { streamPair } from "../base/stream_pair.ts";
import { AppError, isAppError } from "../base/errors.ts";
import type { Agent } from "./agent.ts";
import { serveAgentMessages } from "./agent_relay.ts";
import { CERTIFICATE_SUFFIX } from "./certificate.ts";
import type { Credential } from "./client.ts";
import { sign, SIGNATURE_ALGORITHMS } from "./signature.ts";
import { WireReader, WireWriter } from "./wire.ts";

const FAILURE = 5, REQUEST_IDENTITIES = 11, IDENTITIES_ANSWER = 12, SIGN_REQUEST = 13, SIGN_RESPONSE = 14;
const USERAUTH_REQUEST = 50;

/** An agent that lends `credential` for logins as these users. @returns opens a connection to it */
export function loginAgent(credential: Credential, usernames: ReadonlySet<string>): () => Promise<Duplex> {
  return () => {
    const [near, far] = streamPair();
    void serveAgentMessages(far, (request) => answer(request, credential, usernames));
    return Promise.resolve(near);
  };
}

function answer(request: Buffer, credential: Credential, usernames: ReadonlySet<string>): Uint8Array {
  const { key, certificate } = credential;
  const reader = new WireReader(request);
  try {
    const type = reader.byte();
    if (type === REQUEST_IDENTITIES) {
      return new WireWriter().byte(IDENTITIES_ANSWER).uint32(1).string(certificate.blob).string("").bytes();
    }
    if (type === SIGN_REQUEST) {
      const blob = reader.string();
      const data = reader.string();
      const algorithm = blob.equals(certificate.blob) && loginAlgorithm(data, certificate.blob, usernames);
      if (algorithm) return new WireWriter().byte(SIGN_RESPONSE).string(sign(key, data, algorithm)).bytes();
    }
  } catch (error) {
    if (!isAppError(error, "bad_input")) throw error;
  }
  return Buffer.from([FAILURE]);
}

/** The signature's algorithm, when this is what proves a login with the certificate as one of these users. */
function loginAlgorithm(
  data: Buffer,
  certificate: Buffer,
  usernames: ReadonlySet<string>,
): string | undefined {
  const reader = new WireReader(data);
  reader.string(); // the session's id
  const isLogin = reader.byte() === USERAUTH_REQUEST && usernames.has(reader.text()) &&
    reader.text() === "ssh-connection" && reader.text() === "publickey" && reader.boolean();
  const algorithm = reader.text();
  if (!isLogin || !algorithm.endsWith(CERTIFICATE_SUFFIX) || !reader.string().equals(certificate)) {
    return undefined;
  }
  reader.end();
  const plain = algorithm.slice(0, -CERTIFICATE_SUFFIX.length);
  return SIGNATURE_ALGORITHMS.includes(plain) ? plain : undefined;
}

/** A login's key in this process, in the place of an agent. */
export function ownAgent({ key, certificate }: Credential): Agent {
  return {
    list: () => Promise.resolve([{ blob: certificate.blob, comment: "" }]),
    sign: (blob, data, algorithm) =>
      certificate.blob.equals(blob)
        ? Promise.resolve(sign(key, data, algorithm))
        : Promise.reject(new AppError("not_found", "the agent has no such key")),
  };
}
