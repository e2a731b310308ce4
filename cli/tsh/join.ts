/**
 * `tsh join`: takes part in a session that runs, as a second pair of hands or of eyes.
 * @module
 */
import { AppError } from "../../src/base/errors.ts";
import { isUuid } from "../../src/model/name.ts";
import type { PartyMode } from "../../src/model/live_session.ts";
import { Exit, printError } from "../program.ts";
import { Cluster } from "./cluster.ts";
import { ensureLogin } from "./login.ts";
import type { TshOptions } from "./options.ts";
import { Escapes } from "./ssh/escapes.ts";
import { attachTerminal, terminalRequest } from "./terminal.ts";

export interface JoinOptions extends TshOptions {
  mode: PartyMode;
}

export async function joinCommand(sid: string, options: JoinOptions): Promise<void> {
  if (!isUuid(sid)) throw new AppError("bad_input", `'${sid}' is not a valid session ID (must be GUID)`);
  const cluster = await Cluster.connect(await ensureLogin(options));
  try {
    throw new Exit(await join(cluster, sid, options));
  } finally {
    cluster.close();
  }
}

async function join(cluster: Cluster, sid: string, { mode, login: wanted }: JoinOptions): Promise<number> {
  const { server, login } = await find(cluster, sid);
  const { principals } = cluster.login.certificate;
  if (wanted === undefined && !principals.includes(login)) {
    throw new AppError(
      "access_denied",
      `session ${sid} runs as ${login}, and your certificate has not got this login; its logins are ` +
        principals.join(", "),
    );
  }
  const node = await cluster.node(server, 0, wanted ?? login);
  const session = await node.shell({
    pty: terminalRequest(),
    env: { TELEPORT_SESSION: sid, TELEPORT_SESSION_MODE: mode },
  });
  const { promise: gone, resolve: leave } = Promise.withResolvers<{ code?: number }>();
  const escapes = new Escapes("~", {
    disconnect: () => leave({ code: 0 }),
    sendBreak: () => void session.break(0),
    help: (text) => printError(`\r\n${text}\r\n`),
  });
  const lost = node.closed.then(() => ({ code: 255 }));
  const attached = attachTerminal(session, { pty: true, typed: (bytes) => escapes.filter(bytes) });
  const status = await Promise.race([attached, gone, lost]);
  session.close();
  node.close();
  if (Deno.stdin.isTerminal()) {
    Deno.stdin.setRaw(false);
    printError(`\r\nYou have left session ${sid}.\r\n`);
  }
  return status.code ?? 255;
}

/** The node that a session runs on, and its login. */
async function find(cluster: Cluster, sid: string): Promise<{ server: string; login: string }> {
  const { api, close } = await cluster.api();
  try {
    const session = (await api.call("sessions.list", {})).find((running) => running.sid === sid);
    if (session) return session;
    throw new AppError(
      "not_found",
      `no session ${sid} is running that you may see; tsh sessions lists those that are`,
    );
  } finally {
    close();
  }
}
