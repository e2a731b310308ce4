/**
 * What a session brings along from its client: the agent and the display. Gone when the session ends.
 * @module
 */
import { checkPermit } from "../../model/permits.ts";
import type { X11Request } from "../../ssh/channel.ts";
import type { NodeConnection, NodeContext } from "../context.ts";
import { osLoginOf } from "../os_login.ts";
import { AgentSocket } from "./agent_socket.ts";
import { audited, auditedNow } from "./audit.ts";
import { X11Display } from "./x11_display.ts";

export class SessionForwards {
  readonly #node: NodeContext;
  readonly #connection: NodeConnection;
  #agent: AgentSocket | undefined;
  #display: X11Display | undefined;
  #over = false;

  constructor(node: NodeContext, connection: NodeConnection) {
    this.#node = node;
    this.#connection = connection;
  }

  /** Makes the agent's socket. @throws {AppError} when the certificate does not permit it, or the system refuses */
  openAgent(): void {
    const [node, connection] = [this.#node, this.#connection];
    if (this.#agent) return; // asked for twice
    this.#agent = auditedNow(node, connection, "agent", "ssh-agent", () => {
      checkPermit(connection.identity, "agent-forwarding");
      return new AgentSocket(node.hostId, osLoginOf(connection), () => connection.openAgent());
    });
  }

  /** Opens a display. @throws {AppError} when the certificate does not permit it, or there is none */
  async openDisplay(request: X11Request): Promise<void> {
    const [node, connection] = [this.#node, this.#connection];
    if (this.#display) return; // asked for twice
    const display = await audited(node, connection, "x11", "display", () => {
      checkPermit(connection.identity, "X11-forwarding");
      return X11Display.open({
        user: osLoginOf(connection),
        request,
        clock: node.clock,
        onWindow: (socket) =>
          connection.offerX11(socket, { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 }),
      });
    });
    if (this.#over) display.close(); // the client left meanwhile
    else this.#display = display;
  }

  /** Variables for the session's programs. */
  env(): [name: string, value: string][] {
    const variables: [string, string][] = [];
    if (this.#agent) variables.push(["SSH_AUTH_SOCK", this.#agent.path]);
    if (this.#display) variables.push(["DISPLAY", this.#display.name]);
    return variables;
  }

  /** Ends what was brought along. */
  close(): void {
    this.#over = true;
    this.#agent?.close();
    this.#display?.close();
    this.#agent = this.#display = undefined;
  }
}
