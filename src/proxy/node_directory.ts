/**
 * The proxy's view of the cluster's nodes: fetched when something changed, searched for every connection.
 * @module
 */
import type { Caller } from "../api/client.ts";
import { coalesced } from "../base/coalesced.ts";
import { AppError } from "../base/errors.ts";
import { findNodes, portOf, type ServerRecord } from "../model/server.ts";

/** Ports a client may name for "wherever the node listens": none, the SSH default, the node default. */
const ANY_PORT = new Set([0, 22, 3022]);

export class NodeDirectory {
  #nodes: ServerRecord[] = [];

  constructor(readonly api: Caller) {}

  get nodes(): readonly ServerRecord[] {
    return this.#nodes;
  }

  /** Fetches the list. */
  readonly refresh = coalesced(async () => {
    this.#nodes = await this.api.call("servers.list", { role: "node" });
  });

  /**
   * The node that `target` means, by uuid, name or address.
   * @param port 0 for any
   * @param visible which nodes there are for the one who asks
   * @throws {AppError} not_found, or conflict when several match
   */
  async find(
    target: string,
    port: number,
    visible: (node: ServerRecord) => boolean = () => true,
  ): Promise<ServerRecord> {
    let matches = this.#matching(target, port, visible);
    if (matches.length === 0) {
      await this.refresh(); // perhaps it has just joined
      matches = this.#matching(target, port, visible);
    }
    const [first] = matches;
    if (!first) {
      throw new AppError(
        "not_found",
        `no node is called "${target}" in this cluster; "tsh ls" lists the nodes`,
      );
    }
    if (matches.length > 1) {
      const candidates = matches.map((node) => `${node.name} ${node.address} ${node.id}`).join("; ");
      throw new AppError("conflict", `"${target}" is ambiguous, use a uuid: ${candidates}`);
    }
    return first;
  }

  #matching(target: string, port: number, visible: (node: ServerRecord) => boolean): ServerRecord[] {
    const found = findNodes(this.#nodes, target).filter(visible);
    const onPort = found.filter((node) => portOf(node.address) === port);
    return ANY_PORT.has(port) && onPort.length === 0 ? found : onPort;
  }
}
