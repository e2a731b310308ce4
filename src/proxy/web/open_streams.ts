/**
 * Answers that go on: made piece by piece as fast as the client takes them, ended with the session, and bounded in
 * number, since each holds a connection and a little memory.
 * @module
 */
import { networkOf } from "../../base/client_address.ts";
import { AppError } from "../../base/errors.ts";
import type { WebClient } from "./user_connections.ts";
import { Shares } from "./shares.ts";
import type { WebSession } from "./web_session.ts";

const MOST = { ofSession: 16, ofNetwork: 200, ofAll: 1000 };

export class OpenStreams {
  readonly #open = new Shares(MOST.ofAll);

  get size(): number {
    return this.#open.size;
  }

  /** A place for one stream. @returns gives it back @throws {AppError} limit */
  take(session: WebSession, client: WebClient): () => void {
    const free = this.#open.take([
      [`session ${session.id}`, MOST.ofSession],
      [`network ${networkOf(client.address)}`, MOST.ofNetwork],
    ]);
    if (free) return free;
    throw new AppError(
      "limit",
      "too many downloads and lists are open at once; try again when some are done",
    );
  }

  /**
   * A body out of pieces. The first is waited for, so that what fails at once is answered as a failure; what fails later
   * breaks the connection off, so that nobody takes a part for the whole.
   * @param pieces is ended when the client goes or the session ends
   * @throws {AppError}
   */
  async body(
    session: WebSession,
    client: WebClient,
    pieces: AsyncGenerator<Uint8Array | string>,
  ): Promise<ReadableStream<Uint8Array>> {
    const free = this.take(session, client);
    const encoder = new TextEncoder();
    let release = () => {};
    let first: IteratorResult<Uint8Array | string> | undefined;
    const close = () => {
      release();
      free();
    };
    try {
      first = await pieces.next();
    } catch (error) {
      close();
      throw error;
    }
    return new ReadableStream<Uint8Array>({
      start(controller) {
        release = session.hold((reason) => {
          free();
          controller.error(new AppError("closed", reason));
          void pieces.return(undefined);
        });
      },
      async pull(controller) {
        try {
          const { value, done } = first ?? await pieces.next();
          first = undefined;
          if (done) {
            close();
            return controller.close();
          }
          controller.enqueue(typeof value === "string" ? encoder.encode(value) : value);
        } catch (error) {
          close();
          controller.error(error);
        }
      },
      async cancel() {
        close();
        await pieces.return(undefined);
      },
    }, { highWaterMark: 0 });
  }
}
