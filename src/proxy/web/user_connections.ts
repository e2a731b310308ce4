/**
 * Connections to auth in the name of web users: one for each session and client address, kept while it is used and a
 * little longer. Auth decides by the user's own certificate and rights; this proxy adds nothing to them.
 * @module
 */
import type { ApiClient, Caller } from "../../api/client.ts";
import { openApi } from "../../api/connection.ts";
import type { Input, Method, Output } from "../../api/contract.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import { MINUTE } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import type { SshClient } from "../../ssh/client.ts";
import { NotSignedIn } from "./not_signed_in.ts";
import type { WebSession } from "./web_session.ts";

/** Where a request comes from. */
export interface WebClient {
  address: string;
  port: number;
}

export interface UserConnectionsOptions {
  /**
   * Logs in to auth as the session's user; auth is told where the client is.
   * @param site that of another cluster
   */
  connect(session: WebSession, client: WebClient, site?: string): Promise<SshClient>;
  clock: Clock;
  /** The most at a time; 512 when left out. */
  capacity?: number;
}

/** Who calls, from where, and whom. */
export interface Whose {
  session: WebSession;
  client: WebClient;
  /** Another cluster than this one. */
  site?: string | undefined;
}

const CAPACITY = 512;
const IDLE_MS = MINUTE;

/** A connection and who uses it. */
interface Kept {
  ssh: Promise<SshClient>;
  /** Once it is there. */
  client: SshClient | undefined;
  /** The channel of single calls, made with the first of them. */
  api: Promise<ApiClient> | undefined;
  users: number;
  isClosed: boolean;
  idle: Timer | undefined;
  release: () => void;
}

export class UserConnections {
  readonly #options: UserConnectionsOptions;
  /** In the order of their last use. */
  readonly #kept = new Map<string, Kept>();

  constructor(options: UserConnectionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Makes calls as the session's user. @param site to the auth server of another cluster */
  caller(session: WebSession, client: WebClient, site?: string): Caller {
    return { call: (method, input) => this.#call({ session, client, site }, method, input) };
  }

  async #call<M extends Method>(
    whose: Whose,
    method: M,
    input: Input<M>,
  ): Promise<Output<M>> {
    return await this.#using(whose, async (kept) => {
      const api = await (kept.api ??= this.#openApi(kept));
      return await api.call(method, input);
    });
  }

  async #openApi(kept: Kept): Promise<ApiClient> {
    try {
      const api = await openApi(await kept.ssh);
      api.closed.then(() => kept.api = undefined);
      return api;
    } catch (error) {
      kept.api = undefined;
      throw error;
    }
  }

  /** Runs something with a channel of the API for itself, as following the log takes. */
  async withChannel<T>(whose: Whose, run: (api: ApiClient) => Promise<T>): Promise<T> {
    return await this.#using(whose, async (kept) => {
      const api = await openApi(await kept.ssh);
      try {
        return await run(api);
      } finally {
        api.close();
      }
    });
  }

  async #using<T>(whose: Whose, run: (kept: Kept) => Promise<T>): Promise<T> {
    const { session, client, site } = whose;
    const key = `${session.id} ${client.address} ${site ?? ""}`;
    const kept = this.#get(key, whose);
    kept.users++;
    kept.idle?.cancel();
    try {
      return await run(kept);
    } finally {
      kept.users--;
      if (kept.users === 0 && !kept.isClosed) {
        kept.idle = this.#options.clock.after(IDLE_MS, () => this.#close(key, kept));
      }
    }
  }

  #get(key: string, { session, client, site }: Whose): Kept {
    const known = this.#kept.get(key);
    this.#kept.delete(key);
    if (known && known.client?.open !== false) {
      this.#kept.set(key, known);
      return known;
    }
    if (known) this.#close(key, known);
    if (session.isOver) throw new NotSignedIn();
    this.#makeRoom();
    const ssh = this.#options.connect(session, client, site);
    const kept: Kept = {
      ssh,
      client: undefined,
      api: undefined,
      users: 0,
      isClosed: false,
      idle: undefined,
      release: session.hold(() => this.#close(key, kept)),
    };
    this.#kept.set(key, kept);
    // A connection that failed, or is lost, is replaced by the next use.
    ssh.then((client) => (kept.client = client).closed).catch(() => {}).finally(() => this.#close(key, kept));
    return kept;
  }

  #makeRoom(): void {
    if (this.#kept.size < (this.#options.capacity ?? CAPACITY)) return;
    for (const [key, kept] of this.#kept) {
      if (kept.users === 0) return this.#close(key, kept);
    }
    throw new AppError("limit", "this proxy works for too many web users at once; try again in a moment");
  }

  #close(key: string, kept: Kept): void {
    if (kept.isClosed) return;
    kept.isClosed = true;
    kept.idle?.cancel();
    kept.release();
    if (this.#kept.get(key) === kept) this.#kept.delete(key);
    kept.ssh.then((ssh) => ssh.close(), () => {}); // who waits for it hears why it failed
  }

  stop(): void {
    for (const [key, kept] of [...this.#kept]) this.#close(key, kept);
  }
}
