/**
 * Connections to nodes in the name of web users: by the same way as those of the SSH front, with the same events, and
 * logged in with the user's own certificate, so that the node decides as about any other client. Where proxies record,
 * this proxy stands in for the node, and these sessions are recorded like all others.
 * @module
 */
import { identifyHost, type Trust } from "../../api/identity.ts";
import type { Clock } from "../../base/clock.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { connectSsh, type SshClient } from "../../ssh/client.ts";
import { printable } from "../../ssh/public_key.ts";
import { loginAgent, ownAgent } from "../../ssh/agent_server.ts";
import { type AttemptSurroundings, attemptToConnect } from "../connect_attempt.ts";
import type { Passage } from "../passage.ts";
import type { WebSites } from "./sites.ts";
import type { WebClient } from "./user_connections.ts";
import type { WebSession } from "./web_session.ts";

export interface NodeDialerOptions extends AttemptSurroundings {
  passage: Passage;
  sites: WebSites;
  trust(): Trust;
  clock: Clock;
}

/** Where to, and as which OS user. */
export interface NodeLogin {
  /** A node's id or name. */
  node: string;
  login: string;
  /** Of another cluster than this one. */
  site?: string | undefined;
}

const KEEP_ALIVE_MS = 30_000;

export class NodeDialer {
  readonly #options: NodeDialerOptions;

  constructor(options: NodeDialerOptions) {
    this.#options = options;
  }

  /** The cluster that lists and records sessions with nodes of this one; undefined for this proxy's own. */
  recorderOf(site: string | undefined): string | undefined {
    return this.#options.passage.records ? undefined : site;
  }

  /** @throws {AppError} with a text for the user */
  async connect(
    session: WebSession,
    client: WebClient,
    { node, login, site }: NodeLogin,
  ): Promise<SshClient> {
    const { passage, trust, clock, sites } = this.#options;
    const { identity, credential } = session.facts;
    const { records } = passage;
    const agent = ownAgent(credential);
    // Where only the other cluster's proxies record, the one there wants the agent, in the session with the node.
    const recordsThere = !records && site !== undefined &&
      sites.list().some(({ name, records }) => name === site && records);
    const believed = () => records || site === undefined ? trust() : sites.trustOf(site) ?? trust();
    const now = clock.now(); // a certificate that ends during the connection is not looked at anew
    const attempt = {
      identity,
      login,
      remote: client,
      addr: site === undefined ? node : `${node}@${site}`,
      toldElsewhere: records,
    };
    try {
      return await attemptToConnect(this.#options, attempt, async (visible) =>
        await connectSsh({
          stream: await passage.open(
            { identity, remote: client, agent },
            { kind: "node", host: node, port: 0, ...(site === undefined ? {} : { cluster: site }) },
            visible,
          ),
          username: login,
          credential,
          keepAliveMs: KEEP_ALIVE_MS,
          ...(recordsThere ? { agent: loginAgent(credential, new Set([login])), lendsAgent: true } : {}),
          verifyHost: (presented) => {
            const roles = [records || recordsThere ? "proxy" : "node"] as const;
            identifyHost(presented, { trust: believed(), now, roles, name: node });
          },
        }));
    } catch (error) {
      if (!isAppError(error, "unauthenticated")) throw error;
      throw new AppError("access_denied", `access denied to ${printable(login)} on ${printable(node)}`, {
        cause: error,
      });
    }
  }
}
