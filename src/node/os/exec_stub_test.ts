import { assertEquals } from "@std/assert";
import { execStub } from "./exec_stub.ts";

Deno.test("the stub is a small static executable that holds its data", () => {
  const stub = execStub({
    credentials: { uid: 1000, gid: 1001, groups: [0xabcdef01] },
    path: "/bin/sh",
    cwd: "/home/luna",
  });
  const view = new DataView(stub.buffer);
  assertEquals([...stub.subarray(0, 4)], [0x7f, 0x45, 0x4c, 0x46]);
  assertEquals(Number(view.getBigUint64(24, true)) - 0x400000, 176);
  assertEquals(Number(view.getBigUint64(64 + 32, true)), stub.length);
  assertEquals(stub.length < 600, true);
  const text = new TextDecoder("latin1").decode(stub);
  assertEquals(text.includes("\0/home/luna\0"), true);
  const groups = text.indexOf("\x01\xef\xcd\xab");
  assertEquals(groups % 8, 0);
  assertEquals(text.slice(groups + 4, groups + 12), "/bin/sh\0");
});

Deno.test("without credentials the stub is shorter", () => {
  const plan = { path: "/bin/sh", cwd: "/" };
  const longer = execStub({ ...plan, credentials: { uid: 1, gid: 1, groups: [] } });
  assertEquals(execStub(plan).length < longer.length, true);
});

Deno.test("messages hold no control characters of the path", () => {
  const text = new TextDecoder("latin1").decode(execStub({ path: "/\x1b[2J", cwd: "/" }));
  assertEquals(text.includes("/?[2J: cannot be run\r\n"), true);
});
