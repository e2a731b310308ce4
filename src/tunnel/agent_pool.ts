/**
 * The tunnels to one trusted cluster: one to each of its proxies, whether these share an address behind a balancer or a
 * name with several addresses. It dials until it has them all, and again whenever one is lost.
 * @module
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { HostPort } from "../base/dial.ts";
import { isAppError, messageOf } from "../base/errors.ts";
import type { Certificate } from "../ssh/certificate.ts";
import type { TunnelAgent } from "./agent.ts";
import type { Hello } from "./control.ts";

export interface PoolOptions {
  /** What the tunnel address means now; each is tried. */
  addresses(): Promise<readonly HostPort[]>;
  /** Dials and logs in. @throws {AppError} */
  connect(address: HostPort, onHello: (hello: Hello) => void): Promise<TunnelAgent>;
  clock: Clock;
  /** What an operator should know; the same thing again is told once. */
  report(level: "info" | "warn", text: string): void;
}

const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 5_000;
/** With all tunnels up: a proxy that nobody has told of yet is found by dialing. */
const LOOK_AGAIN_MS = 60_000;

export class AgentPool {
  readonly #options: PoolOptions;
  readonly #agents = new Set<TunnelAgent>();
  #stopped = false;
  #wake: (() => void) | undefined;
  #reported = "";
  #pauseTimer: Timer | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    void this.#run();
  }

  /** The tunnels that stand. */
  get agents(): ReadonlySet<TunnelAgent> {
    return this.#agents;
  }

  /** The proxies that there is a tunnel to which takes new connections. */
  #reached(): Set<string> {
    return new Set(
      [...this.#agents].filter(({ open, retired, stale }) => open && !retired && !stale)
        .map(({ proxyId }) => proxyId),
    );
  }

  #isComplete(): boolean {
    const reached = this.#reached();
    const wanted = new Set(
      [...this.#agents].flatMap(({ hello, retired }) => retired ? [] : hello?.proxies ?? []),
    );
    return reached.size > 0 && wanted.isSubsetOf(reached);
  }

  async #run(): Promise<void> {
    let delay = FIRST_RETRY_MS;
    while (!this.#stopped) {
      if (this.#isComplete()) {
        delay = FIRST_RETRY_MS;
        await this.#pause(LOOK_AGAIN_MS);
        if (this.#stopped) return;
        if (this.#isComplete() && !await this.#mayHaveMore()) continue;
      }
      const won = await this.#round();
      if (this.#stopped) return;
      if (won) delay = FIRST_RETRY_MS;
      if (this.#isComplete()) continue;
      await this.#pause(delay * (0.5 + Math.random()));
      delay = Math.min(delay * 2, MAX_RETRY_MS);
    }
  }

  /** Whether the name has more addresses than there are tunnels. */
  async #mayHaveMore(): Promise<boolean> {
    try {
      return (await this.#options.addresses()).length > this.#reached().size;
    } catch (error) {
      if (!isAppError(error)) throw error;
      return false;
    }
  }

  /** Tries every address once. @returns whether a tunnel came of it */
  async #round(): Promise<boolean> {
    let won = false;
    try {
      const addresses = await this.#options.addresses();
      for (const address of addresses) {
        if (this.#stopped || won && this.#isComplete()) break;
        won = await this.#attempt(address) || won;
      }
    } catch (error) {
      if (!isAppError(error)) throw error;
      this.#tell("warn", error.message);
    }
    return won;
  }

  async #attempt(address: HostPort): Promise<boolean> {
    const { connect } = this.#options;
    try {
      const agent = await connect(address, () => this.#wake?.());
      if (this.#stopped || this.#reached().has(agent.proxyId)) {
        agent.close(); // the balancer has chosen one that is reached already
        return false;
      }
      for (const old of this.#agents) if (old.stale && old.proxyId === agent.proxyId) old.retire();
      this.#agents.add(agent);
      this.#tell("info", `a tunnel to proxy ${agent.proxyId} stands`);
      agent.closed.then(() => {
        this.#agents.delete(agent);
        if (this.#stopped) return;
        if (!agent.retired) this.#tell("warn", `the tunnel to proxy ${agent.proxyId} was lost`);
        this.#wake?.();
      });
      return true;
    } catch (error) {
      if (!isAppError(error)) throw error;
      if (!this.#stopped) this.#tell("warn", messageOf(error));
      return false;
    }
  }

  #tell(level: "info" | "warn", text: string): void {
    if (text === this.#reported) return;
    this.#reported = text;
    this.#options.report(level, text);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        this.#wake = undefined;
        resolve();
      };
      const timer = this.#pauseTimer = this.#options.clock.after(ms, done);
      this.#wake = done;
    });
  }

  /**
   * This host has another certificate, or the other cluster has: new tunnels take the places of those that stand, each as
   * soon as it stands itself. Until then the old ones also carry word of what has changed.
   */
  renew(): void {
    for (const agent of this.#agents) agent.stale = true;
    this.#wake?.();
  }

  /** Tells every proxy at once what it would hear a little later. */
  tellNow(): void {
    for (const agent of this.#agents) agent.tellNow();
  }

  /** Ends tunnels to proxies whose certificate is not believed any more. */
  recheck(isTrusted: (certificate: Certificate) => boolean): void {
    for (const agent of this.#agents) {
      if (!isTrusted(agent.certificate)) agent.close();
    }
    this.#wake?.();
  }

  /** Makes no new tunnels; those that stand carry on. */
  drain(): void {
    this.#stopped = true;
    this.#pauseTimer?.cancel();
    this.#wake?.();
  }

  stop(): void {
    this.drain();
    for (const agent of this.#agents) agent.close();
  }
}
