/**
 * One tunnel, at the end that dials: a logged-in SSH connection to one proxy of the trusted cluster, by which that proxy
 * opens connections into this cluster.
 * @module
 */
import type { Duplex } from "node:stream";
import type { Clock, Timer } from "../base/clock.ts";
import { every } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import { streamPair } from "../base/stream_pair.ts";
import { TUNNEL } from "../model/limits.ts";
import type { Certificate } from "../ssh/certificate.ts";
import { connectSsh, type Credential, type SshClient } from "../ssh/client.ts";
import { type Beat, CONTROL_CHANNEL, ControlChannel, type Hello, helloSchema } from "./control.ts";
import { readTransport, TRANSPORT_CHANNEL, type TransportRequest } from "./transport.ts";

export interface AgentOptions {
  /** A stream to some proxy of the trusted cluster. */
  stream: Duplex;
  username: string;
  credential: Credential;
  /** @returns the proxy's id. @throws {AppError} unless the certificate is a proxy's of the trusted cluster */
  verifyHost(certificate: Certificate): string;
  /** Connects within this cluster. @throws {AppError} with a text for the client */
  connect(request: TransportRequest): Promise<Duplex>;
  /** What the agent tells, every few seconds. */
  beat(): Omit<Beat, "type">;
  onHello(hello: Hello): void;
  clock: Clock;
}

/** Connections that one tunnel carries at once. */
const MAX_TRANSPORTS = 8192;
const LOGIN_MS = 15_000;
/** A hub that has let the agent in says hello at once. */
const HELLO_MS = 10_000;
/** A tunnel that is given up may still get an open that was under way. */
const LAST_OPENS_MS = 2_000;

export class TunnelAgent {
  readonly #ssh: SshClient;
  readonly #clock: Clock;
  #beating: Timer | undefined;
  #retired = false;
  #tell: () => void = () => {};
  /** Another one is to take its place, which is there until then. */
  stale = false;
  #transports = 0;
  /** What the proxy has told last. */
  hello: Hello | undefined;

  private constructor(
    ssh: SshClient,
    clock: Clock,
    readonly proxyId: string,
    /** What the proxy has shown. */
    readonly certificate: Certificate,
  ) {
    this.#ssh = ssh;
    this.#clock = clock;
  }

  /** @throws {AppError} unauthenticated, unavailable, timeout */
  static async connect(options: AgentOptions): Promise<TunnelAgent> {
    const { clock } = options;
    let shown: { id: string; certificate: Certificate } | undefined;
    let agent: TunnelAgent | undefined;
    const control = Promise.withResolvers<ControlChannel<Hello>>();
    const greeted = Promise.withResolvers<void>();
    let first: Hello | undefined;
    const onHello = (hello: Hello) => {
      first = hello;
      if (agent) agent.hello = hello;
      greeted.resolve();
      options.onHello(hello);
      if (hello.leaving) agent?.retire();
    };
    const ssh = await connectSsh({
      stream: options.stream,
      username: options.username,
      credential: options.credential,
      verifyHost: (certificate) => {
        const id = options.verifyHost(certificate);
        if (shown && shown.id !== id) throw new AppError("unauthenticated", "the proxy became another one");
        shown = { id, certificate };
      },
      timeoutMs: LOGIN_MS,
      keepAliveMs: TUNNEL.heartbeat,
      maxChannels: MAX_TRANSPORTS,
      channels: {
        [CONTROL_CHANNEL]: () => {
          const [near, far] = streamPair();
          control.resolve(new ControlChannel(near, helloSchema, onHello));
          return Promise.resolve(far);
        },
        [TRANSPORT_CHANNEL]: async (fields) => {
          const request = readTransport(fields);
          if (!agent) throw new AppError("unavailable", "the tunnel is not ready yet");
          return await agent.#carry(request, options.connect);
        },
      },
    });
    try {
      if (!shown) throw new AppError("internal", "a proxy was not checked");
      agent = new TunnelAgent(ssh, clock, shown.id, shown.certificate);
      const channel = await within(clock, HELLO_MS, control.promise, ssh.closed);
      agent.#begin(channel, options);
      await within(clock, HELLO_MS, greeted.promise, ssh.closed);
      agent.hello ??= first; // it may have come before there was an agent to tell
      return agent;
    } catch (error) {
      agent?.close();
      ssh.close();
      throw error;
    }
  }

  #begin(channel: ControlChannel<Hello>, { beat, clock }: AgentOptions): void {
    let told: string | undefined;
    const tell = () => {
      const { statement, records } = beat();
      // A statement is long, and seldom another one.
      channel.send({ type: "beat", records, ...(statement === told ? {} : { statement }) });
      told = statement;
    };
    tell();
    this.#tell = tell;
    this.#beating = every(clock, TUNNEL.heartbeat, tell);
    channel.closed.then(() => this.close());
    this.closed.then(() => this.#beating?.cancel());
  }

  /** Tells the proxy at once what it would hear with the next beat. */
  tellNow(): void {
    if (this.open) this.#tell();
  }

  async #carry(request: TransportRequest, connect: AgentOptions["connect"]): Promise<Duplex> {
    this.#transports++;
    try {
      const stream = await connect(request);
      stream.once("close", () => this.#leave());
      return stream;
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  #leave(): void {
    this.#transports--;
    this.#closeIfDone();
  }

  /** How many connections it carries. */
  get transports(): number {
    return this.#transports;
  }

  get closed(): Promise<void> {
    return this.#ssh.closed;
  }

  get open(): boolean {
    return this.#ssh.open;
  }

  /** Whether it only waits for its connections to end. */
  get retired(): boolean {
    return this.#retired;
  }

  /** Another one takes its place: it is closed as soon as it carries nothing. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#clock.after(LAST_OPENS_MS, () => this.#closeIfDone());
  }

  #closeIfDone(): void {
    if (this.#retired && this.#transports === 0) this.close();
  }

  close(): void {
    this.#beating?.cancel();
    this.#ssh.close();
  }
}

/** @throws {AppError} timeout, or closed when that comes first */
async function within<T>(
  clock: Clock,
  ms: number,
  wanted: Promise<T>,
  closed: Promise<void>,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = clock.after(ms, () => reject(new AppError("timeout", "the proxy did not begin in time")));
  closed.then(() => reject(new AppError("closed", "the proxy closed the connection")));
  late.catch(() => {});
  try {
    return await Promise.race([wanted, late]);
  } finally {
    timer.cancel();
  }
}
