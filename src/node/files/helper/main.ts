/**
 * The process that serves files of one session: it becomes the user of the session for good, and only then listens to
 * the client. Everything that the client asks for is done with that user's rights and no others.
 *
 * | descriptor | what |
 * |---|---|
 * | 0, 1 | the client |
 * | 2 | messages for people |
 * | 3 | reports to the node |
 * | 4 | the node's plan, a file in memory |
 * @module
 */
import { AppError, messageOf } from "../../../base/errors.ts";
import { libc } from "../../os/libc.ts";
import { type HelperPlan, parsePlan } from "../plan.ts";
import { close, cPath, enter, readAt } from "./calls.ts";
import { becomeForGood } from "./credentials.ts";
import { Ended, FAILED } from "./ended.ts";
import { errorText, Reporter } from "./reporter.ts";
import { ScpChannel } from "./scp_channel.ts";
import { ScpSink } from "./scp_sink.ts";
import { ScpSource } from "./scp_source.ts";
import { serveSftp } from "./sftp_server.ts";
import { tell } from "./stdio.ts";

const PLAN = 4;
const MAX_PLAN = 16 * 1024 * 1024;
const UMASK = 0o022;
const CANNOT_START = 126;
const encoder = new TextEncoder();

/** Runs to the end. @returns the exit code */
export function serveFiles(): number {
  let reporter: Reporter;
  let plan: HelperPlan;
  try {
    for (const name of ["run", "net", "read", "write", "env", "sys"] as const) {
      Deno.permissions.revokeSync({ name });
    }
    plan = readPlan();
    becomeForGood(plan.user);
    settle(plan);
    reporter = new Reporter();
  } catch (error) {
    tell(`cannot serve files: ${messageOf(error)}`);
    return CANNOT_START;
  }
  try {
    return run(plan, reporter);
  } catch (error) {
    if (error instanceof Ended) return error.code;
    try {
      reporter.fault(error instanceof Error ? error.stack ?? error.message : String(error));
    } catch (unreported) {
      if (!(unreported instanceof Ended)) throw unreported;
    }
    return FAILED;
  }
}

function run({ task }: HelperPlan, reporter: Reporter): number {
  if (task.type === "sftp") {
    serveSftp(task.options, reporter);
    return 0;
  }
  const { options } = task;
  const channel = new ScpChannel(options.verbose);
  if (options.direction === "sink") new ScpSink(options, channel, reporter).run();
  else new ScpSource(options, channel, reporter).run();
  return channel.errors > 0 ? FAILED : 0;
}

function readPlan(): HelperPlan {
  let plan = new Uint8Array(64 * 1024);
  let length = 0;
  for (;;) {
    const count = readAt(PLAN, plan.subarray(length), length);
    if (count < 0) throw new AppError("bad_input", "it is started by the node, not by hand");
    if (count === 0) break;
    length += count;
    if (length === plan.length) {
      if (length >= MAX_PLAN) throw new AppError("limit", "the plan is too large");
      const larger = new Uint8Array(length * 4);
      larger.set(plan);
      plan = larger;
    }
  }
  close(PLAN);
  return parsePlan(plan.subarray(0, length));
}

/** Where and how the user's programs start: at home, with the usual mask. */
function settle({ home, task }: HelperPlan): void {
  libc().umask(task.type === "sftp" ? task.options.umask ?? UMASK : UMASK);
  if (enter(cPath(encoder.encode(home))) < 0) enter(cPath(encoder.encode("/")));
  const start = task.type === "sftp" ? task.options.startDirectory : undefined;
  if (start !== undefined) {
    const result = enter(cPath(encoder.encode(start)));
    if (result < 0) throw new AppError("access_denied", `cannot enter ${start}: ${errorText(result)}`);
  }
}
