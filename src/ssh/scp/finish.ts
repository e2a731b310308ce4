/**
 * The end of an scp session, well or not.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import type { ClientSession } from "../channel.ts";
import type { ScpPeer } from "./peer.ts";
import type { Summary, TransferReport } from "../transfer/report.ts";

/**
 * Does the work of a session and waits for its end. A remote program that fails without having told of a problem is one.
 * @throws {AppError} when the session ends too early; it is closed then
 */
export async function finish(
  session: ClientSession,
  peer: ScpPeer,
  report: TransferReport,
  work: () => Promise<void>,
): Promise<Summary> {
  try {
    await work();
  } catch (error) {
    peer.abandon();
    session.close();
    throw error;
  }
  const { code, signal } = await session.exit;
  if (code !== 0 && report.summary.problems === 0) {
    const how = code === undefined ? `by signal ${signal ?? "unknown"}` : `with status ${code}`;
    report.problem("scp", new AppError("unavailable", `the remote scp ended ${how}`));
  }
  return report.summary;
}
