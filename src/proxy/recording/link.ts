/**
 * The connection from this proxy to the host that it stands in for: made when the client first needs it, with the
 * client's agent, and kept as long as the client or a session is there.
 * @module
 */
import type { Duplex } from "node:stream";
import { streamPair } from "../../base/stream_pair.ts";
import { AppError, isAppError, messageOf } from "../../base/errors.ts";
import type { EventFields } from "../../model/event.ts";
import { type Agent, AgentClient } from "../../ssh/agent.ts";
import type { SshClient } from "../../ssh/client.ts";
import type { Target } from "../route.ts";
import { eventFields, type InnerConnection, type ProxyClient, type Surroundings } from "./client.ts";
import { logIn, NO_AGENT } from "./login.ts";

export class Link {
  readonly #around: Surroundings;
  readonly #client: ProxyClient;
  readonly #connection: InnerConnection;
  #ssh: Promise<SshClient> | undefined;
  #users = 1;
  /** The client lends its agent to the host, which passes by here. */
  #lent = Promise.withResolvers<void>();
  #isLent = false;

  constructor(
    around: Surroundings,
    client: ProxyClient,
    readonly target: Target,
    connection: InnerConnection,
  ) {
    this.#around = around;
    this.#client = client;
    this.#connection = connection;
    connection.closed.then(() => this.release());
    // While the client makes up its mind. What goes wrong is told to whoever asks first.
    if (client.agent) this.ssh().catch(() => {});
  }

  /** The fields of every event about it. */
  get fields(): Omit<EventFields, "event"> {
    return eventFields(this.#around, this.#client, this.#connection, this.target);
  }

  /** The client offers its agent in a session. */
  lendAgent(): void {
    this.#isLent = true;
    this.#lent.resolve();
  }

  /** Somebody needs the connection until {@linkcode release}, also when the client has gone. */
  hold(): void {
    this.#users++;
  }

  release(): void {
    if (--this.#users === 0) this.#ssh?.then((ssh) => ssh.close(), () => {});
  }

  /** The connection, for a session: who has not lent an agent by then will not. @throws {AppError} for the client */
  async sshForSession(): Promise<SshClient> {
    if (!this.#ssh && !this.#client.agent && !this.#isLent) throw new AppError("access_denied", NO_AGENT);
    return await this.ssh();
  }

  /** The connection. @throws {AppError} with a text for the client */
  async ssh(): Promise<SshClient> {
    const ssh = this.#ssh ??= this.#connect();
    try {
      const client = await ssh;
      if (client.open) return client;
      throw new AppError("closed", `the connection to ${this.target.host} is gone`);
    } catch (error) {
      if (this.#ssh === ssh) this.#ssh = undefined; // the next one tries anew
      throw error;
    }
  }

  async #connect(): Promise<SshClient> {
    const { emit, trust, clock, checkHostKeys } = this.#around;
    const event = { event: "proxy.connect" as const, ...this.fields, addr: this.target.address };
    const connection = this.#connection;
    try {
      const agent = await this.#agent();
      const ssh = await logIn({
        target: this.target,
        username: connection.username,
        certificate: connection.identity.certificate,
        address: this.#client.remote.address,
        agent,
        trust,
        clock,
        checkHostKeys: checkHostKeys(),
        reach: { agent: () => connection.openAgent(), x11: (origin) => this.#openDisplay(origin) },
      });
      emit({ ...event, success: true });
      if (this.#users === 0) ssh.close();
      return ssh;
    } catch (error) {
      if (isAppError(error)) emit({ ...event, success: false, error: messageOf(error) });
      throw error;
    }
  }

  /** The one lent to the proxy, else the one that the client lends to the host: its request may be under way. */
  async #agent(): Promise<Agent> {
    const { agent } = this.#client;
    if (agent) return agent;
    if (!this.#isLent) {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = this.#around.clock.after(LENDING_MS, resolve);
      await Promise.race([this.#lent.promise, late, this.#connection.closed]);
      timer.cancel();
    }
    if (!this.#isLent) throw new AppError("access_denied", NO_AGENT);
    return new AgentClient(() => this.#connection.openAgent());
  }

  #openDisplay(origin: { address: string; port: number }): Promise<Duplex> {
    const [near, far] = streamPair();
    this.#connection.offerX11(far, origin);
    return Promise.resolve(near);
  }
}

/** OpenSSH's client asks for what it forwards before it opens the session that lends the agent. */
const LENDING_MS = 3000;
