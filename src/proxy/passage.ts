/**
 * The way of a client to a host: bytes to the node, which the client then logs in to; or, where proxies record, this proxy
 * in the host's place. Whoever lets clients through, over SSH or in a browser, goes this way.
 * @module
 */
import type { Duplex } from "node:stream";
import { AppError } from "../base/errors.ts";
import type { ProxyClient } from "./recording/client.ts";
import type { Forwarder } from "./recording/forwarder.ts";
import { NO_AGENT } from "./recording/login.ts";
import type { IsVisible, NodeDestination, Router } from "./route.ts";

export interface PassageOptions {
  router: Router;
  /** Stands in for hosts while proxies record. */
  forwarder: Forwarder;
  /** Whether they do, now. */
  records(): boolean;
  /** This proxy's id: the name of the host where its live sessions are joined. */
  hostId: string;
}

export class Passage {
  readonly #options: PassageOptions;

  constructor(options: PassageOptions) {
    this.#options = options;
  }

  /** Whether this proxy stands in for hosts: then it wants an agent, and shows a proxy's certificate in their place. */
  get records(): boolean {
    return this.#options.records();
  }

  /**
   * @param mayLendLater the client can lend its agent in the session with the host
   * @returns what the client begins its SSH with the host on
   * @throws {AppError} with a text for the client
   */
  async open(
    client: ProxyClient,
    destination: NodeDestination,
    visible: IsVisible,
    mayLendLater = false,
  ): Promise<Duplex> {
    const { router, forwarder, hostId } = this.#options;
    if (!this.records) return await router.connect(destination, client.remote, visible);
    // A machine with both roles has one id: sessions of this proxy can be joined by way of its node, too.
    const isHere = destination.cluster === undefined || destination.cluster === router.options.cluster();
    const isNode = router.options.directory.nodes.some(({ id }) => id === hostId);
    if (isHere && destination.host === hostId && !isNode) return forwarder.openForJoining(client);
    if (!client.agent && !mayLendLater) throw new AppError("access_denied", NO_AGENT);
    return await forwarder.open(client, await router.find(destination, client.remote, visible));
  }
}
