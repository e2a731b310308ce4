/**
 * A client of another cluster that comes through a tunnel: to a node of this cluster or to its auth server, as for
 * clients of this proxy itself. Who it is, the host that it reaches finds out; the other cluster is believed where it is.
 * @module
 */
import type { Duplex } from "node:stream";
import { messageOf } from "../../base/errors.ts";
import { formatHostPort } from "../../base/dial.ts";
import type { EventFields } from "../../model/event.ts";
import { printable } from "../../ssh/public_key.ts";
import type { TransportTarget } from "../../tunnel/transport.ts";
import type { Passage } from "../passage.ts";
import type { Router } from "../route.ts";

export interface WaysIn {
  passage: Passage;
  router: Router;
  /** Reports an audit event. */
  emit(event: EventFields): void;
}

/**
 * @param from the cluster whose tunnel it is
 * @throws {AppError} with a text for the client
 */
export async function connectForCluster(
  { passage, router, emit }: WaysIn,
  from: string,
  to: TransportTarget,
  client: { address: string; port: number },
): Promise<Duplex> {
  const remote = { ...client, via: from };
  const event: EventFields = {
    event: "proxy.connect",
    cluster: from,
    addr: printable(to.kind === "auth" ? "auth" : formatHostPort(to)),
    "addr.remote": printable(`${client.address}:${client.port}`),
  };
  try {
    const own = router.options.cluster();
    const stream = to.kind === "auth"
      ? await router.connect({ kind: "auth", cluster: own }, remote, () => true)
      : await passage.open({ identity: undefined, remote, agent: undefined }, to, () => true, true);
    emit({ ...event, success: true });
    return stream;
  } catch (error) {
    emit({ ...event, success: false, error: printable(messageOf(error)) });
    throw error;
  }
}
