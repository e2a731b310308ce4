/**
 * One session channel on a node: gathers what the client asks for, then runs a recorded terminal or a plain command.
 * @module
 */
import type { PtyRequest } from "../ssh/channel.ts";
import type { ServerSessionChannel, SessionHandlers } from "../ssh/server_session.ts";
import type { NodeConnection, NodeContext } from "./context.ts";
import { clientMaySet } from "./environment.ts";
import { runCommand } from "./exec.ts";
import type { Running, SessionRequest } from "./session_request.ts";
import { runTerminal } from "./terminal.ts";

export function nodeSession(node: NodeContext, connection: NodeConnection): SessionHandlers {
  const { identity } = connection;
  const env = new Map<string, string>();
  let pty: PtyRequest | undefined;
  let running: Running | undefined;
  let left = false;
  const { promise: gone, resolve: leave } = Promise.withResolvers<void>();

  const start = (channel: ServerSessionChannel, asked: string | undefined) => {
    const command = identity.forceCommand ?? asked;
    if (identity.forceCommand !== undefined && asked !== undefined) env.set("SSH_ORIGINAL_COMMAND", asked);
    const request: SessionRequest = {
      node,
      connection,
      env,
      pty,
      onRunning: (program) => {
        running = program;
        if (left) program.abandon();
      },
      onEnded: () => running = undefined,
      gone,
      left: () => left,
    };
    // A shell without a terminal is a session like any other: recorded, so that -T is no way around it.
    return pty || command === undefined
      ? runTerminal(request, channel, command)
      : runCommand(request, channel, command);
  };

  return {
    pty: (request) => {
      if (!identity.permits.has("pty")) return false;
      pty = request;
      return true;
    },
    env: (name, value) => {
      if (!clientMaySet(name, value, identity.forceCommand !== undefined)) return false;
      env.set(name, value);
      return true;
    },
    resize: (size) => {
      if (pty) pty = { ...pty, ...size };
      running?.resize?.(size);
    },
    signal: (name) => running?.signal(name),
    shell: (channel) => start(channel, undefined),
    exec: (channel, command) => start(channel, command),
    closed: () => {
      left = true;
      leave();
      running?.abandon();
    },
  };
}
