/**
 * What a forwarded ssh-agent may be asked (draft-ietf-sshm-ssh-agent): to list its keys and to sign. Whoever lends an
 * agent to a host would not want that host to add keys, remove them, lock the agent or have it load code; so all else
 * is answered with a failure and never reaches it.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { ByteQueue } from "../base/byte_queue.ts";
import { isAppError } from "../base/errors.ts";
import { WireReader } from "./wire.ts";

const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const SIGN_REQUEST = 13;
const EXTENSION = 27;
/** Tells the agent through which host a request comes (OpenSSH PROTOCOL.agent): it only ever narrows. */
const SESSION_BIND = "session-bind@openssh.com";
/** As OpenSSH's AGENT_MAX_LEN. */
const MAX_MESSAGE = 256 * 1024;

/** True for a request that may reach the agent. */
export function mayAskAgent(request: Buffer): boolean {
  switch (request[0]) {
    case REQUEST_IDENTITIES:
    case SIGN_REQUEST:
      return true;
    case EXTENSION:
      return extensionName(request) === SESSION_BIND;
    default:
      return false;
  }
}

function extensionName(request: Buffer): string | undefined {
  try {
    return new WireReader(request.subarray(1)).string().toString();
  } catch (error) {
    if (isAppError(error, "bad_input")) return undefined;
    throw error;
  }
}

/**
 * Carries requests to an agent and its answers back, one at a time, until either side is done. Then both are closed. Never
 * rejects.
 * @param asker the side that asks; it is not trusted
 */
export async function relayAgent(asker: Duplex, agent: Duplex): Promise<void> {
  const closeBoth = () => {
    asker.destroy();
    agent.destroy();
  };
  for (const stream of [asker, agent]) stream.on("error", closeBoth).once("close", closeBoth);
  const requests = new Messages(asker);
  const answers = new Messages(agent);
  for (let request = await requests.next(); request; request = await requests.next()) {
    let answer: Buffer | undefined = Buffer.from([FAILURE]);
    if (mayAskAgent(request)) {
      await send(agent, request);
      answer = await answers.next();
      if (!answer) break;
    }
    await send(asker, answer);
  }
  closeBoth();
}

/**
 * Answers the requests on a stream, one at a time, until the asker is done. Never rejects, if `answer` does not throw.
 * @param asker it is not trusted
 */
export async function serveAgentMessages(
  asker: Duplex,
  answer: (request: Buffer) => Uint8Array,
): Promise<void> {
  asker.on("error", () => asker.destroy());
  const requests = new Messages(asker);
  for (let request = await requests.next(); request; request = await requests.next()) {
    await send(asker, answer(request));
  }
  asker.destroy();
}

/** Settles when there is room for more, or nobody to send to. */
async function send(stream: Duplex, message: Uint8Array): Promise<void> {
  if (stream.destroyed || !stream.writable) return;
  const framed = Buffer.allocUnsafe(4 + message.length);
  framed.writeUInt32BE(message.length);
  framed.set(message, 4);
  if (stream.write(framed)) return;
  await new Promise<void>((resolve) => {
    stream.once("drain", resolve).once("close", resolve).once("end", resolve);
  });
}

/** The messages of a stream: each a length and so many bytes. */
class Messages {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #received = new ByteQueue();

  constructor(stream: Duplex) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** Undefined at the end, or when the other side breaks the protocol. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const message = this.#take();
      if (message !== "incomplete") return message;
      const chunk = await this.#chunks.next().catch(() => undefined); // broken: the same as ended
      if (!chunk || chunk.done) return undefined;
      this.#received.push(chunk.value);
    }
  }

  #take(): Buffer | undefined | "incomplete" {
    if (this.#received.length < 4) return "incomplete";
    const header = this.#received.peek(4);
    const length = new DataView(header.buffer, header.byteOffset).getUint32(0);
    if (length === 0 || length > MAX_MESSAGE) return undefined;
    if (this.#received.length < 4 + length) return "incomplete";
    this.#received.take(4);
    return Buffer.from(this.#received.take(length));
  }
}
