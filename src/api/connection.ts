/**
 * A connection to an auth server that comes back by itself: dials the known servers in turn, logs in with a certificate,
 * and tells when collections changed. Calls made while it is down wait a little for it.
 * @module
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../base/clock.ts";
import { AppError, messageOf } from "../base/errors.ts";
import type { ClientSession } from "../ssh/channel.ts";
import { connectSsh, type Credential, type SshClient } from "../ssh/client.ts";
import { ApiClient, type Caller } from "./client.ts";
import type { Collection, Input, Method, Output } from "./contract.ts";
import { identifyHost, type Trust } from "./identity.ts";

export interface AuthLogin {
  /** The SSH user name: a host's id or a user's name. */
  username: string;
  credential: Credential;
  trust: Pick<Trust, "cluster" | "host">;
}

/** Logs in to an auth server on a stream. The server must prove that it is one of this cluster's. */
export async function loginToAuth(stream: Duplex, login: AuthLogin, clock: Clock): Promise<SshClient> {
  return await connectSsh({
    stream,
    username: login.username,
    credential: login.credential,
    verifyHost: (certificate) => {
      identifyHost(certificate, { trust: login.trust, now: clock.now(), roles: ["auth"] });
    },
    keepAliveMs: 15_000,
    serverIsPortable: true,
  });
}

/** Opens the API on a logged-in connection. */
export async function openApi(ssh: SshClient): Promise<ApiClient> {
  return new ApiClient((await ssh.subsystem("auth-api")).stream);
}

export interface AuthConnectionOptions {
  /** Opens a stream to one of the auth servers; tried again and again. */
  dial(): Promise<Duplex>;
  login(): AuthLogin;
  clock: Clock;
  /** Called after each (re)connection; the place to announce oneself. */
  onConnected?(api: Caller): void | Promise<void>;
  onChanged?(collection: Collection): void;
  onTrouble?(reason: string, error?: unknown): void;
}

const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 10_000;
const WAIT_FOR_CONNECTION_MS = 10_000;
/** How long a connection that was replaced may still carry answers. */
const LAST_ANSWERS_MS = 5_000;

export class AuthConnection implements Caller {
  readonly #options: AuthConnectionOptions;
  #current: { ssh: SshClient; api: ApiClient } | undefined;
  #waiting = new Set<() => void>();
  #stopped = false;
  #wake: (() => void) | undefined;

  constructor(options: AuthConnectionOptions) {
    this.#options = options;
    void this.#run();
  }

  async #run(): Promise<void> {
    let delay = FIRST_RETRY_MS;
    while (!this.#stopped) {
      try {
        await this.#connect();
        delay = FIRST_RETRY_MS;
        for (let ssh = this.#current?.ssh; ssh?.open; ssh = this.#current?.ssh) await ssh.closed;
        this.#options.onTrouble?.("the connection to the auth server was lost");
      } catch (error) {
        this.#options.onTrouble?.(messageOf(error), error);
      }
      this.#current = undefined;
      if (this.#stopped) return;
      await this.#pause(delay * (0.75 + Math.random() / 2));
      delay = Math.min(delay * 2, MAX_RETRY_MS);
    }
  }

  async #connect(): Promise<void> {
    const { dial, login, clock, onConnected, onChanged } = this.#options;
    const ssh = await loginToAuth(await dial(), login(), clock);
    const api = await openApi(ssh);
    if (onChanged) await api.watch(onChanged);
    this.#current = { ssh, api };
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
    await onConnected?.(api);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(ms, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** Logs in anew, as with another certificate, and only then lets the old connection go. */
  async renew(): Promise<void> {
    const old = this.#current;
    if (!old?.ssh.open || this.#stopped) return this.retryNow();
    try {
      await this.#connect();
    } finally {
      this.#options.clock.after(LAST_ANSWERS_MS, () => {
        old.api.close();
        old.ssh.close();
      });
    }
  }

  /** Ends the wait for the next attempt. */
  retryNow(): void {
    this.#wake?.();
  }

  get connected(): boolean {
    return this.#current?.ssh.open === true;
  }

  async #ready(): Promise<{ ssh: SshClient; api: ApiClient }> {
    if (this.#current?.ssh.open) return this.#current;
    if (this.#stopped) throw new AppError("closed", "the connection to the auth server was closed");
    await new Promise<void>((resolve, reject) => {
      const resume = () => {
        timer.cancel();
        resolve();
      };
      const timer = this.#options.clock.after(WAIT_FOR_CONNECTION_MS, () => {
        this.#waiting.delete(resume);
        reject(new AppError("unavailable", "no auth server can be reached"));
      });
      this.#waiting.add(resume);
    });
    if (!this.#current) throw new AppError("unavailable", "no auth server can be reached");
    return this.#current;
  }

  async call<M extends Method>(method: M, input: Input<M>): Promise<Output<M>> {
    return await (await this.#ready()).api.call(method, input);
  }

  /** Opens another subsystem beside the API, on the same connection. */
  async subsystem(name: string): Promise<ClientSession> {
    return await (await this.#ready()).ssh.subsystem(name);
  }

  close(): void {
    this.#stopped = true;
    this.#wake?.();
    this.#current?.api.close();
    this.#current?.ssh.close();
  }
}
