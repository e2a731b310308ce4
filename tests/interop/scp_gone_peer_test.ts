import { PassThrough } from "node:stream";
import { assertEquals } from "@std/assert";
import { localDisk } from "../../cli/tsh/scp/local_disk.ts";
import type { ClientSession } from "../../src/ssh/channel.ts";
import { downloadByScp } from "../../src/ssh/scp/download.ts";

Deno.test("a program that has ended before scp speaks to it is told by its status", async () => {
  const stream = new PassThrough();
  stream.resume().end();
  await new Promise((closed) => stream.once("close", closed));
  const session: ClientSession = {
    stream,
    stderr: new PassThrough(),
    exit: Promise.resolve({ code: 3 }),
    refused: new Set(),
    resize() {},
    signal() {},
    break: () => Promise.resolve(false),
    endOutput() {},
    close() {},
  };
  const problems: string[] = [];
  const onProblem = ({ error }: { error: unknown }) => problems.push(String(error));
  await downloadByScp(session, localDisk, "x", "/nowhere/at/all", { onProblem });
  assertEquals(problems, ["AppError: the remote scp ended with status 3"]);
});
