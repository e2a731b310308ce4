/**
 * Connections to nodes in the name of web users: by the same way as those of the SSH front, with the same events, and
 * logged in with the user's own certificate, so that the node decides as about any other client. Where proxies record,
 * this proxy stands in for the node, and these sessions are recorded like all others.
 * @module
 */
import type { ClusterAccess } from "../../api/cluster_access.ts";
import { identifyHost, type Trust } from "../../api/identity.ts";
import type { Clock } from "../../base/clock.ts";
import { AppError, isAppError, messageOf } from "../../base/errors.ts";
import type { EventFields } from "../../model/event.ts";
import { connectSsh, type SshClient } from "../../ssh/client.ts";
import { printable } from "../../ssh/public_key.ts";
import { ownAgent } from "../../ssh/agent_server.ts";
import type { Passage } from "../passage.ts";
import type { IsVisible } from "../route.ts";
import type { WebClient } from "./user_connections.ts";
import type { WebSession } from "./web_session.ts";

export interface NodeDialerOptions {
  passage: Passage;
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
    const { passage, access, trust, clock, emit } = this.#options;
    const { identity, credential } = session.facts;
    const { records } = passage;
    const now = clock.now(); // a certificate that ends during the connection is not looked at anew
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
      const stream = await passage.open(
        { identity, remote: client, agent: ownAgent(credential) },
        { kind: "node", host: node, port: 0 },
        visible,
      );
      const connected = await connectSsh({
        stream,
        username: login,
        credential,
        keepAliveMs: KEEP_ALIVE_MS,
        verifyHost: (presented) => {
          identifyHost(presented, { trust: trust(), now, roles: [records ? "proxy" : "node"], name: node });
        },
      });
      if (!records) emit({ ...event, success: true }); // else it is told when the host is reached
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
