/**
 * A Unix socket that receives datagrams, as syslog's does.
 * @module
 */
import { eventually } from "./run.ts";

function open() {
  return Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
    close: { parameters: ["i32"], result: "i32" },
  });
}

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

export class UnixDatagrams implements Disposable {
  readonly #libc = open();
  readonly #fd: number;
  #open = true;

  constructor(path: string) {
    const text = new TextEncoder().encode(path);
    const address = new Uint8Array(2 + text.length + 1);
    address[0] = AF_UNIX;
    address.set(text, 2);
    this.#fd = this.#libc.symbols.socket(AF_UNIX, SOCK_DGRAM, 0);
    if (this.#libc.symbols.bind(this.#fd, address, address.length) !== 0) {
      throw new Error(`cannot bind ${path}`);
    }
  }

  /** One datagram, if there is one. */
  receive(): string | undefined {
    const buffer = new Uint8Array(64 * 1024);
    const length = Number(this.#libc.symbols.recv(this.#fd, buffer, BigInt(buffer.length), MSG_DONTWAIT));
    return length < 0 ? undefined : new TextDecoder().decode(buffer.subarray(0, length));
  }

  next(): Promise<string> {
    return eventually("a datagram", () => this.receive());
  }

  /** The first datagram that fits; those before it are dropped. */
  async find(pattern: RegExp): Promise<string> {
    for (;;) {
      const text = await this.next();
      if (pattern.test(text)) return text;
    }
  }

  close(): void {
    if (this.#open) {
      this.#libc.symbols.close(this.#fd);
      this.#libc.close();
    }
    this.#open = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
