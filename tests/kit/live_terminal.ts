/**
 * A session on a terminal as one party has it: what it shows, what is typed.
 * @module
 */
import { Cluster } from "../../cli/tsh/cluster.ts";
import type { ClientSession, ExitStatus } from "../../src/ssh/channel.ts";
import { eventually } from "./run.ts";
import { loginOf } from "./login_files.ts";
import type { User } from "./user.ts";

export interface TerminalWish {
  host?: string;
  port?: number;
  columns?: number;
  rows?: number;
  /** Runs this in place of a shell. */
  command?: string;
  env?: Record<string, string>;
  /** Another one than the login's. */
  cluster?: string;
}

export class LiveTerminal implements Disposable {
  text = "";

  private constructor(readonly cluster: Cluster, readonly session: ClientSession) {
    const decoder = new TextDecoder();
    for (const stream of [session.stream, session.stderr]) {
      stream.on("data", (data: Uint8Array) => this.text += decoder.decode(data, { stream: true }));
    }
  }

  static async open(user: User, login: string, wish: TerminalWish = {}): Promise<LiveTerminal> {
    const { host = "alpha", port = 0, columns = 80, rows = 24, command, env } = wish;
    const known = await loginOf(user);
    const site = wish.cluster === undefined ? {} : { site: wish.cluster };
    const cluster = await Cluster.connect({ ...known, profile: { ...known.profile, ...site } });
    const node = await cluster.node(host, port, login);
    const pty = { columns, rows, width: 0, height: 0, term: "xterm", modes: new Map<number, number>() };
    const session = command === undefined
      ? await node.shell({ pty, env })
      : await node.exec(command, { pty, env });
    return new LiveTerminal(cluster, session);
  }

  /** Joins a session. */
  static join(user: User, login: string, sid: string, wish: TerminalWish & { mode?: string } = {}) {
    const { mode = "peer", ...rest } = wish;
    const env = { TELEPORT_SESSION: sid, TELEPORT_SESSION_MODE: mode };
    return LiveTerminal.open(user, login, { ...rest, env });
  }

  type(text: string): void {
    this.session.stream.write(text);
  }

  async shows(text: string): Promise<void> {
    await eventually(`"${text}" on the terminal`, () => this.text.includes(text) || undefined)
      .catch((error) => {
        throw new Error(`${error.message}; it shows ${JSON.stringify(this.text)}`);
      });
  }

  get exit(): Promise<ExitStatus> {
    return this.session.exit;
  }

  /** Settles when the connection to the proxy is gone, or the session. */
  get closed(): Promise<void> {
    return this.cluster.proxy.closed;
  }

  /** Is gone without a word. */
  hangUp(): void {
    this.cluster.close();
  }

  [Symbol.dispose](): void {
    this.hangUp();
  }
}
