/**
 * A session on the host as the program of a session here.
 * @module
 */
import type { ClientSession } from "../../ssh/channel.ts";
import type { SessionOptions } from "../../ssh/client.ts";
import type { Program as HostProgram } from "../../ssh/client_session.ts";
import type { ServerSessionChannel } from "../../ssh/server_session.ts";
import type { Program } from "../../session/program.ts";
import type { Link } from "./link.ts";

const REFUSED = { pty: "a terminal", agent: "the agent", x11: "X11 forwarding" } as const;

/**
 * Starts it; the link is held until it ends. What the host does not grant is told to the client.
 * @throws {AppError} with a text for the client
 */
export async function startOnHost(
  link: Link,
  program: HostProgram,
  options: SessionOptions,
  channel: ServerSessionChannel,
): Promise<{ session: ClientSession; program: Program }> {
  const ssh = await link.sshForSession();
  const session = await ssh.start(program, options);
  link.hold();
  session.exit.then(() => link.release());
  for (const what of session.refused) {
    channel.stderr.write(`teleport: ${link.target.host} refused ${REFUSED[what]}\r\n`);
  }
  return {
    session,
    program: {
      exit: session.exit,
      input: session.stream,
      outputs: [{ from: session.stream, to: channel }, { from: session.stderr, to: channel.stderr }],
      signal: (name) => session.signal(name),
      resize: (size) => session.resize(size),
      sendBreak: () => {
        void session.break(0);
        return options.pty !== undefined;
      },
      endInput: () => void session.stream.end(),
      endOutput: () => session.endOutput(),
      kill: () => session.close(),
    },
  };
}
