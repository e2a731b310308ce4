/**
 * A stand-in for an X server, and a program that opens a window on it.
 * @module
 */
import { run } from "./run.ts";

/** The real one. */
export const COOKIE = "00112233445566778899aabbccddeeff";
export const PROTOCOL = "MIT-MAGIC-COOKIE-1";
/** The head of an X11 connection setup: byte order, version 11.0, lengths of protocol name and cookie. */
const SETUP_HEAD = "l\\0\\013\\0\\0\\0\\022\\0\\020\\0\\0\\0";

/** The user's X server, as far as a forwarding can tell: it takes connections and notes how they begin. */
export class Screen implements AsyncDisposable {
  readonly setups: Uint8Array[] = [];
  readonly #serving: Promise<void>;

  private constructor(
    readonly listener: Deno.TcpListener,
    readonly display: string,
    readonly authority: string,
  ) {
    this.#serving = this.#serve();
  }

  /** @param home where the list of displays goes */
  static async start(home: string): Promise<Screen> {
    for (let number = 50;; number++) {
      let listener: Deno.TcpListener;
      try {
        listener = Deno.listen({ hostname: "127.0.0.1", port: 6000 + number });
      } catch (error) {
        if (error instanceof Deno.errors.AddrInUse) continue;
        throw error;
      }
      const screen = new Screen(listener, `127.0.0.1:${number}`, `${home}/.Xauthority`);
      await run("xauth", ["-q", "add", screen.display, PROTOCOL, COOKIE], { env: screen.env });
      return screen;
    }
  }

  get env(): Record<string, string> {
    return { DISPLAY: this.display, XAUTHORITY: this.authority };
  }

  async #serve(): Promise<void> {
    for await (const connection of this.listener) {
      const buffer = new Uint8Array(1000);
      const count = await connection.read(buffer);
      this.setups.push(buffer.slice(0, count ?? 0));
      await connection.write(new TextEncoder().encode("drawn"));
      connection.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.close();
    await this.#serving;
  }
}

/** What a window program does first, as a script for bash on the node: it looks up its cookie and shows it. */
export const WINDOW = [
  "echo $DISPLAY",
  "cookie=$(xauth list $DISPLAY | awk '{print $3}')",
  "display=${DISPLAY#*:}",
  "exec 3<>/dev/tcp/127.0.0.1/$((6000 + ${display%.*}))",
  `{ printf '${SETUP_HEAD}${PROTOCOL}\\0\\0'; printf "$(sed 's/../\\\\x&/g' <<<$cookie)"; } >&3`,
  "cat <&3",
  "xauth list $DISPLAY",
].join("\n");
