/**
 * `tsh sessions`: the sessions that run at this moment and may be joined.
 * @module
 */
import type { Output } from "../../src/api/contract.ts";
import { type Format, printResult, table, tableTime } from "../output.ts";
import { Cluster } from "./cluster.ts";
import { ensureLogin } from "./login.ts";
import type { TshOptions } from "./options.ts";

export async function sessionsCommand(options: TshOptions, format: Format): Promise<void> {
  const cluster = await Cluster.connect(await ensureLogin(options));
  try {
    const { api } = await cluster.api();
    const sessions = await api.call("sessions.list", {});
    await printResult(format, sessions, () => sessionTable(sessions));
  } finally {
    cluster.close();
  }
}

/** Also of `tctl sessions ls`. */
export async function sessionTable(sessions: Output<"sessions.list">): Promise<string> {
  if (sessions.length === 0) return "No sessions are running.\n";
  const parties = (session: (typeof sessions)[number]) =>
    session.parties.map(({ user, mode }) => mode === "observer" ? `${user} (observer)` : user).join(", ");
  return await table(
    ["Session ID", "Node", "Login", "Started By", "Since", "Size", "Here"],
    sessions.map((session) => [
      session.sid,
      session.node ?? session.server,
      session.login,
      session.user,
      tableTime(session.started),
      `${session.columns}x${session.rows}`,
      parties(session),
    ]),
  );
}
