/**
 * Small services for tests of forwarding: each says one line to whoever connects.
 * @module
 */
import { eventually } from "./run.ts";

export class TextService implements AsyncDisposable {
  readonly #listener: Deno.Listener;
  readonly #done: Promise<void>;
  /** What came in, one entry for each connection that has ended. */
  readonly received: string[] = [];

  private constructor(listener: Deno.Listener, text: string) {
    this.#listener = listener;
    this.#done = this.#serve(text);
  }

  /** On a free port of the loopback address. */
  static onPort(text: string): TextService {
    return new TextService(Deno.listen({ hostname: "127.0.0.1", port: 0 }), text);
  }

  /** On a socket of the file system. */
  static async onSocket(path: string, text: string, mode = 0o600): Promise<TextService> {
    const service = new TextService(Deno.listen({ transport: "unix", path }), text);
    await Deno.chmod(path, mode);
    return service;
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  async #serve(text: string): Promise<void> {
    for await (const connection of this.#listener) {
      void (async () => {
        try {
          await connection.write(new TextEncoder().encode(text));
          await (connection as Deno.TcpConn).closeWrite();
          this.received.push(await readToEnd(connection));
        } catch (error) {
          if (!(error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset)) {
            throw error;
          }
        } finally {
          connection.close();
        }
      })();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#done;
  }
}

/** Everything that comes. */
export async function readToEnd(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65536);
  let text = "";
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}

/** What is said at a port or a socket; undefined when nobody listens there. */
export async function said(where: number | string): Promise<string | undefined> {
  try {
    using connection = typeof where === "number"
      ? await Deno.connect({ hostname: "127.0.0.1", port: where })
      : await Deno.connect({ transport: "unix", path: where });
    return await readToEnd(connection);
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.NotFound) {
      return undefined;
    }
    if (error instanceof Deno.errors.ConnectionReset) return "";
    throw error;
  }
}

/** The same, once somebody listens there. */
export function saidAtLast(where: number | string): Promise<string> {
  return eventually(`somebody at ${where}`, () => said(where));
}
