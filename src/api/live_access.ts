/**
 * Ends connections whose time is over: nobody has sent anything for too long, the certificate has expired, or the user
 * may not be here any more. One timer for all connections, which only looks at marks.
 * @module
 */
import { type Clock, every, type Timer } from "../base/clock.ts";
import { formatDuration, SECOND } from "../base/duration.ts";
import { strictestTimeout } from "../model/access.ts";
import type { UserIdentity } from "../model/identity.ts";
import type { AccessCheck, ClusterAccess } from "./cluster_access.ts";
import { signerOf, type Trust } from "./identity.ts";

/** A connection that stands. */
export interface LiveConnection {
  readonly identity: UserIdentity;
  readonly closed: Promise<void>;
  /** What lets the user be here. */
  check: AccessCheck;
  /** In the place of that of all. */
  delayMs?: number;
  /** Grows when data moves; absent where that cannot be told. */
  traffic?(): number;
  /** Tells the user and the audit log, then closes. */
  end(reason: string): void;
}

/** Who came with a certificate of an authority that was dropped since then has to go, too. */
export function unlessDropped(
  identity: UserIdentity,
  trust: () => Pick<Trust, "user" | "foreign">,
  check: AccessCheck,
): AccessCheck {
  const signer = signerOf(identity);
  const trusted = () =>
    identity.foreign
      ? trust().foreign?.find(({ cluster }) => cluster === identity.cluster)?.user ?? []
      : trust().user;
  return (rights) =>
    !signer || !trusted().some((key) => key.equals(signer))
      ? "the authority of the certificate is trusted no more"
      : check(rights);
}

interface Watched {
  connection: LiveConnection;
  traffic: number;
  /** When data was last seen to move. */
  moved: number;
  idleTimeout: number;
  endsWithCertificate: boolean;
}

const SWEEP_MS = SECOND;
/** Roles and users also expire by themselves. */
const DECIDE_EVERY = 10;

export class LiveAccess {
  readonly #watched = new Set<Watched>();
  #sweeping: Timer | undefined;
  #sweeps = 0;

  /**
   * @param delayMs how long a connection may stay after its time: a proxy waits until the node has told the user
   */
  constructor(readonly access: ClusterAccess, readonly clock: Clock, readonly delayMs = 0) {
    access.onChange = () => this.decideAgain();
  }

  /** Watches a connection until it closes. */
  add(connection: LiveConnection): void {
    const watched: Watched = {
      connection,
      traffic: connection.traffic?.() ?? 0,
      moved: this.clock.now(),
      idleTimeout: 0,
      endsWithCertificate: false,
    };
    this.#watched.add(watched);
    this.#sweeping ??= every(this.clock, SWEEP_MS, () => this.#sweep());
    connection.closed.then(() => this.#forget(watched));
    this.#decide(watched); // it may have changed while the user logged in
  }

  #forget(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    this.#sweeping?.cancel();
    this.#sweeping = undefined;
  }

  /** Asks for everybody whether they may still be here. */
  decideAgain(): void {
    for (const watched of [...this.#watched]) this.#decide(watched);
  }

  #decide(watched: Watched): void {
    const { connection } = watched;
    const decision = this.access.decide(connection.identity, connection.check);
    if (decision.refused !== undefined) return this.#end(watched, decision.refused);
    const cluster = this.access.sessions;
    const options = decision.rights.options();
    watched.idleTimeout = strictestTimeout([cluster.clientIdleTimeout, options.clientIdleTimeout]);
    watched.endsWithCertificate = cluster.disconnectExpiredCert || options.disconnectExpiredCert;
  }

  #sweep(): void {
    if (++this.#sweeps % DECIDE_EVERY === 0) this.decideAgain();
    const now = this.clock.now();
    for (const watched of [...this.#watched]) {
      const { connection, idleTimeout, endsWithCertificate } = watched;
      const traffic = connection.traffic?.();
      if (traffic !== watched.traffic) {
        watched.traffic = traffic ?? 0;
        watched.moved = now;
      }
      if (endsWithCertificate && connection.identity.expires * 1000 <= now) {
        this.#end(watched, "the certificate has expired");
      } else if (idleTimeout > 0 && traffic !== undefined && now - watched.moved >= idleTimeout) {
        this.#end(watched, `nothing was sent or received for ${formatDuration(idleTimeout)}`);
      }
    }
  }

  #end(watched: Watched, reason: string): void {
    this.#forget(watched);
    const { connection } = watched;
    const delayMs = connection.delayMs ?? this.delayMs;
    if (delayMs === 0) return connection.end(reason);
    const timer = this.clock.after(delayMs, () => connection.end(reason));
    connection.closed.then(() => timer.cancel());
  }

  stop(): void {
    this.#sweeping?.cancel();
    this.#sweeping = undefined;
    this.#watched.clear();
  }
}
