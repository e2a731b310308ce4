/**
 * Connections to nodes in the name of web users: through the same router as those of the SSH front, with the same events,
 * and logged in with the user's own certificate, so that the node decides as about any other client.
 * @module
 */
import type { ClusterAccess } from "../../api/cluster_access.ts";
import { identifyHost, type Trust } from "../../api/identity.ts";
import type { Clock } from "../../base/clock.ts";
import { AppError, isAppError, messageOf } from "../../base/errors.ts";
import type { EventFields } from "../../model/event.ts";
import { connectSsh, type SshClient } from "../../ssh/client.ts";
import { printable } from "../../ssh/public_key.ts";
import type { IsVisible, Router } from "../route.ts";
import type { WebClient } from "./user_connections.ts";
import type { WebSession } from "./web_session.ts";

export interface NodeDialerOptions {
  router: Router;
  access: ClusterAccess;
  trust(): Trust;
  clock: Clock;
  /** Reports an audit event. */
  emit(event: EventFields): void;
}

/** Where to, and as which OS user. */
export interface NodeLogin {
  /** A node's id or name. */
  node: string;
  login: string;
}

const KEEP_ALIVE_MS = 30_000;

export class NodeDialer {
  readonly #options: NodeDialerOptions;

  constructor(options: NodeDialerOptions) {
    this.#options = options;
  }

  /** @throws {AppError} with a text for the user */
  async connect(session: WebSession, client: WebClient, { node, login }: NodeLogin): Promise<SshClient> {
    const { router, access, trust, clock, emit } = this.#options;
    const { identity, credential } = session.facts;
    const about = { user: identity.name, login: printable(login) };
    const hidden: string[] = [];
    const visible: IsVisible = ({ name, labels }) => {
      const { refused } = access.decide(
        identity,
        (rights) => rights.mayReach(labels) ? undefined : "no role allows this node",
      );
      if (refused !== undefined) hidden.push(`node ${printable(name)}: ${refused}`);
      return refused === undefined;
    };
    const event: EventFields = {
      event: "proxy.connect",
      ...about,
      "addr.remote": `${client.address}:${client.port}`,
      addr: printable(node),
    };
    try {
      const stream = await router.connect({ kind: "node", host: node, port: 0 }, client, visible);
      const connected = await connectSsh({
        stream,
        username: login,
        credential,
        keepAliveMs: KEEP_ALIVE_MS,
        verifyHost: (presented) => {
          identifyHost(presented, { trust: trust(), now: clock.now(), roles: ["node"], name: node });
        },
      });
      emit({ ...event, success: true });
      return connected;
    } catch (error) {
      emit({ ...event, success: false, error: printable(messageOf(error)) });
      const [why] = hidden;
      if (why !== undefined) {
        emit({ event: "auth", success: false, ...about, "addr.remote": client.address, error: why });
      }
      if (!isAppError(error, "unauthenticated")) throw error;
      throw new AppError("access_denied", `access denied to ${about.login} on ${printable(node)}`, {
        cause: error,
      });
    }
  }
}
