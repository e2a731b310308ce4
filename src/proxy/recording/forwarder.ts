/**
 * The recording proxy: it ends a client's SSH in the place of the host that the client wants, lets in whom that host
 * would let in, and goes on to the host as the client. So it sees what is typed and shown, and can record it, also where
 * the host runs OpenSSH.
 * @module
 */
import type { Duplex } from "node:stream";
import type { AccessCheck } from "../../api/cluster_access.ts";
import { claimedName, identifyUser } from "../../api/identity.ts";
import { unlessDropped } from "../../api/live_access.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { streamPair } from "../../base/stream_pair.ts";
import { withPermits } from "../../model/identity.ts";
import { tellSessions } from "../../session/notice.ts";
import { printable } from "../../ssh/public_key.ts";
import { type HostCredential, type Routes, SshServer } from "../../ssh/server.ts";
import type { Authenticator, CertificateAttempt } from "../../ssh/server_authentication.ts";
import type { Target } from "../route.ts";
import {
  eventFields,
  type InnerConnection,
  type ProxyClient,
  type Surroundings,
  type Visitor,
} from "./client.ts";
import { Forwards } from "./forwards.ts";
import { Link } from "./link.ts";
import { relayedSession } from "./relayed_session.ts";
import type { TargetCertificates } from "./target_certificates.ts";

const log = logger("proxy");

/** OpenSSH's client leaves at once when it is disconnected, and drops what it was about to show. */
const SHOW_MS = 250;

export class Forwarder {
  readonly #around: Surroundings;
  readonly #certificates: TargetCertificates;
  readonly #servers = new Set<SshServer<Visitor>>();

  constructor(around: Surroundings, certificates: TargetCertificates) {
    this.#around = around;
    this.#certificates = certificates;
  }

  /**
   * Stands in for a host.
   * @returns what the client begins its SSH with the host on
   * @throws {AppError} with a text for the client
   */
  async open(client: ProxyClient, target: Target): Promise<Duplex> {
    return this.#serve(client, target, await this.#certificates.for(target));
  }

  /** The same for the proxy itself, where nothing runs: the sessions that it records can be joined. */
  openForJoining(client: ProxyClient): Duplex {
    return this.#serve(client, undefined, this.#around.credential());
  }

  #serve(client: ProxyClient, target: Target | undefined, hostCredential: HostCredential): Duplex {
    const [near, far] = streamPair();
    const server: SshServer<Visitor> = new SshServer<Visitor>({
      hostCredential,
      clock: this.#around.clock,
      authenticator: this.#authenticator(client, target),
      routes: this.#routes(client, target),
      onConnection: (connection) => this.#watch(client, target, connection),
      onRefused: (remote, reason) => {
        log.debug("{address} refused: {reason}", { address: remote.address, reason });
        this.#around.refused.note(remote.address, reason);
      },
    });
    this.#servers.add(server);
    far.once("close", () => this.#servers.delete(server));
    server.accept(far, client.remote);
    return near;
  }

  #routes(client: ProxyClient, target: Target | undefined): Routes<Visitor> {
    const around = this.#around;
    let link: Link | undefined;
    const linkOf = (connection: InnerConnection) =>
      target && (link ??= new Link(around, client, target, connection));
    const session = (connection: InnerConnection) =>
      relayedSession(around, client, connection, linkOf(connection));
    if (!target) return { session };
    const forwards = (connection: InnerConnection) => {
      const link = linkOf(connection);
      if (!link) throw new AppError("internal", "a host without a link");
      return new Forwards(around, connection, link);
    };
    return {
      session,
      directTcpip: (connection, to) => forwards(connection).direct(to),
      directStreamlocal: (connection, path) => forwards(connection).directSocket(path),
      listenTcp: (connection, bind, onIncoming) => forwards(connection).listen(bind, onIncoming),
      listenStreamlocal: (connection, path, onIncoming) => forwards(connection).listenAt(path, onIncoming),
    };
  }

  /** Decides as the host would, were it a node of ours: certificate, then login, then roles. */
  #authenticator(client: ProxyClient, target: Target | undefined): Authenticator<Visitor> {
    const { emit } = this.#around;
    const address = `${client.remote.address}:${client.remote.port}`;
    const report = (user: string, login: string, error?: string) =>
      emit({
        event: "auth",
        success: error === undefined,
        user: printable(user),
        login: printable(login),
        addr: target?.address,
        "addr.remote": address,
        error,
      });
    return {
      certificate: async (attempt) => {
        const { certificate, username, proven } = attempt;
        const user = claimedName(certificate, this.#around.trust());
        try {
          const visitor = await this.#admit(client, target, attempt);
          if (proven) report(user, username);
          return visitor;
        } catch (error) {
          if (isAppError(error)) report(user, username, error.message);
          throw error;
        }
      },
      onUnproven: ({ username, reason }) => report(username, username, reason),
      onOtherMethod: ({ username, method }) =>
        report(username, username, `${method} is not accepted, only certificates`),
    };
  }

  async #admit(
    { identity, remote }: ProxyClient,
    target: Target | undefined,
    { certificate, username }: CertificateAttempt,
  ): Promise<Visitor> {
    const { access, trust, clock } = this.#around;
    const { address } = remote;
    const certified = identifyUser(certificate, {
      trust: trust(),
      now: clock.now(),
      address,
      login: username,
      via: remote.via,
    });
    const { name } = certified;
    const { cluster } = trust();
    if (identity && (name !== identity.name || certified.cluster !== identity.cluster)) {
      throw new AppError(
        "access_denied",
        `the connection to the proxy is ${identity.name}'s: nobody else uses it, also not ${name}`,
      );
    }
    const rights = await access.admit(certified, mayEnter(username, target)).catch((error: unknown) => {
      if (!isAppError(error, "access_denied")) throw error;
      throw new AppError(
        "access_denied",
        `user ${
          certified.foreign ? name : `${name}@${cluster}`
        } is not authorized to login as ${username}@${cluster}: ${error.message}`,
      );
    });
    return { certificate, certified, identity: withPermits(certified, rights.permits()) };
  }

  /** Ends the connection when its time is over. */
  #watch(client: ProxyClient, target: Target | undefined, connection: InnerConnection): void {
    const { live, trust, emit, clock, sessions } = this.#around;
    const { certified } = connection.identity;
    live.add({
      identity: certified,
      closed: connection.closed,
      check: unlessDropped(certified, trust, mayEnter(connection.username, target)),
      delayMs: 0,
      traffic: () => connection.traffic(),
      end: (reason) => {
        emit({
          event: "client.disconnect",
          ...eventFields(this.#around, client, connection, target),
          reason,
        });
        sessions.cut(connection);
        if (!tellSessions(connection, `teleport: you are disconnected: ${reason}`)) return connection.close();
        clock.after(SHOW_MS, () => connection.close());
      },
    });
  }

  /** Ends everything. @param graceMs how long the last bytes may take, and the ends of sessions after that */
  async close(graceMs: number): Promise<void> {
    await Promise.all([...this.#servers].map((server) => server.close(graceMs)));
    const { running, clock } = this.#around;
    if (running.size === 0) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = clock.after(graceMs, resolve); // what takes longer, the next run finds in the journal
    await Promise.race([Promise.allSettled([...running]), late]);
    timer.cancel();
  }
}

/**
 * A node decides by its labels. Of other hosts nothing is known but the name: as for nodes without labels, a role must
 * allow the login everywhere.
 */
function mayEnter(login: string, target: Target | undefined): AccessCheck {
  return (rights) => {
    // Another cluster decides itself, by its own roles.
    if (target && !target.site) return rights.checkNode(login, target.node?.labels ?? {});
    return rights.logins().includes(login) ? undefined : "no role allows this login";
  };
}
