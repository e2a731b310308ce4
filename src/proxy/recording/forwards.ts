/**
 * What clients forward through a host that this proxy stands in for, by the permits of the user.
 * @module
 */
import type { Duplex } from "node:stream";
import { formatHostPort } from "../../base/dial.ts";
import { isAppError, messageOf } from "../../base/errors.ts";
import { streamPair } from "../../base/stream_pair.ts";
import { checkForwarding } from "../../model/permits.ts";
import type { RemoteForward, SshClient } from "../../ssh/client.ts";
import type { Connect } from "../../ssh/client_channels.ts";
import { printable } from "../../ssh/public_key.ts";
import type { ForwardTarget } from "../../ssh/server_channels.ts";
import type { BindRequest, BoundSocket, OnIncoming } from "../../ssh/server_forwards.ts";
import type { InnerConnection, Surroundings } from "./client.ts";
import type { Link } from "./link.ts";

export class Forwards {
  readonly #around: Surroundings;
  readonly #link: Link;
  readonly #connection: InnerConnection;

  constructor(around: Surroundings, connection: InnerConnection, link: Link) {
    this.#around = around;
    this.#link = link;
    this.#connection = connection;
  }

  /** From the host to a port that it reaches. */
  direct({ host, port, originAddress, originPort }: ForwardTarget): Promise<Duplex> {
    const origin = { address: originAddress, port: originPort };
    return this.#audited(
      "connection",
      formatHostPort({ host, port }),
      (ssh) => ssh.directTcpip(host, port, origin),
    );
  }

  /** From the host to a socket of its file system. */
  directSocket(path: string): Promise<Duplex> {
    return this.#audited("connection", path, (ssh) => ssh.directStreamlocal(path));
  }

  /** On a port of the host. */
  listen({ address, port }: BindRequest, onIncoming: OnIncoming): Promise<BoundSocket> {
    const name = formatHostPort({ host: address, port });
    return this.#audited("listener", name, async (ssh) => {
      const forward = await ssh.forwardRemote(address, port, passOn(onIncoming));
      return { port: forward.port, close: () => end(forward) };
    });
  }

  /** On a socket of the host's file system. */
  listenAt(path: string, onIncoming: OnIncoming): Promise<BoundSocket> {
    return this.#audited("listener", path, async (ssh) => {
      const forward = await ssh.forwardRemoteSocket(path, passOn(onIncoming));
      return { close: () => end(forward) };
    });
  }

  async #audited<T>(forwarded: string, addr: string, run: (ssh: SshClient) => Promise<T>): Promise<T> {
    const report = (error?: unknown) => reportForward(this.#around, this.#link, forwarded, addr, error);
    try {
      checkForwarding(this.#connection.identity.identity);
      const result = await run(await this.#link.ssh());
      report();
      return result;
    } catch (error) {
      report(error);
      throw error;
    }
  }
}

/** A node reports by itself what it grants; nobody else would report it of a server of OpenSSH. */
export function reportForward(
  { emit }: Surroundings,
  { target, fields }: Link,
  forwarded: string,
  addr: string,
  error?: unknown,
): void {
  if (target.node && error === undefined) return;
  emit({
    event: "port",
    forwarded,
    ...fields,
    addr: printable(addr),
    success: error === undefined,
    error: error === undefined ? undefined : messageOf(error),
  });
}

/** Connections that come in at the host go to the client. */
function passOn(onIncoming: OnIncoming): Connect {
  return (origin) => {
    const [near, far] = streamPair();
    onIncoming(far, origin);
    return Promise.resolve(near);
  };
}

/** The host may be gone already, and its listeners with it. */
function end(forward: RemoteForward): void {
  forward.close().catch((error: unknown) => {
    if (!isAppError(error)) throw error;
  });
}
