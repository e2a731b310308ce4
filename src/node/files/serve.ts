/**
 * Running the process that serves a session's files: started by this program as what it is itself, it becomes the user of
 * the session before it reads a byte.
 * @module
 */
import { AppError, messageOf } from "../../base/errors.ts";
import { flow } from "../../base/lending.ts";
import { logger } from "../../base/log.ts";
import type { ServerSessionChannel } from "../../ssh/server_session.ts";
import { connectionFields } from "../context.ts";
import { type ExitStatus, launchOwn } from "../os/launch.ts";
import type { OsUser } from "../os/user.ts";
import { libc } from "../os/libc.ts";
import { pump } from "../../session/pump.ts";
import type { SessionRequest } from "../session_request.ts";
import { FileAudit } from "./audit.ts";
import { formatPlan, type HelperPlan } from "./plan.ts";

const log = logger("node");

/** How long a process may take to close its files after the client has gone. */
const LEAVE_MS = 2000;
const MAX_MESSAGES = 4096;
/** Each takes some 10 MB of memory for itself. */
const MAX_PROCESSES = 256;

export interface FilesEnd {
  status: ExitStatus;
  /** How many audit events there were. */
  events: number;
}

let processes = 0;

/**
 * Serves files over the channel until either side ends. The caller answers for the exit status and its event.
 * @throws {AppError} limit when too many sessions move files at this moment, and what starting a program throws
 */
export async function serveFiles(
  request: SessionRequest,
  channel: ServerSessionChannel,
  user: OsUser,
  task: HelperPlan["task"],
): Promise<FilesEnd> {
  if (processes >= MAX_PROCESSES) throw new AppError("limit", "too many sessions move files here: try later");
  processes++;
  try {
    return await serve(request, channel, user, task);
  } finally {
    processes--;
  }
}

async function serve(
  request: SessionRequest,
  channel: ServerSessionChannel,
  user: OsUser,
  task: HelperPlan["task"],
): Promise<FilesEnd> {
  const { node, connection, gone } = request;
  const { name, uid, gid, groups, home } = user;
  const becomes = libc().geteuid() === 0 ? { uid, gid, groups } : undefined;
  const child = launchOwn(node.filesProgram, formatPlan({ user: becomes, home, task }));
  const audit = new FileAudit(node, { event: task.type, ...connectionFields(node, connection) });
  const reported = audit.follow(child.reports).catch((error: unknown) => {
    log.error("files of {user} are served no longer: {error}", { user: name, error: messageOf(error) });
    child.killSession();
  });
  request.onRunning({
    signal: (signal) => child.signal(signal),
    endOutput: () => child.stdout.destroy(),
    abandon: () => {
      // It sees the end of its input, closes and reports what is open, and leaves.
      child.stdin.destroy();
      child.stdout.destroy();
      node.clock.after(LEAVE_MS, () => child.killSession());
    },
  });
  flow(channel, child.stdin);
  const messages = task.type === "scp"
    ? pump(child.stderr, channel.stderr, gone)
    : logMessages(child.stderr, name);
  const outputs = Promise.all([pump(child.stdout, channel, gone), messages]);
  const status = await child.exit;
  await reported;
  audit.finish();
  await Promise.race([outputs, gone]);
  request.onEnded();
  return { status, events: audit.count };
}

/** What is not for the client. */
async function logMessages(stderr: AsyncIterable<Uint8Array>, user: string): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of stderr) {
    if (text.length < MAX_MESSAGES) text += decoder.decode(piece, { stream: true });
  }
  if (text !== "") log.warn("sftp of {user}: {text}", { user, text: text.slice(0, MAX_MESSAGES) });
}
