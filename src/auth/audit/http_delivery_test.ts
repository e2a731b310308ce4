import { assertEquals, assertRejects } from "@std/assert";
import { HttpCollector } from "../../../tests/kit/collector.ts";
import { MemoryFiles } from "../../../tests/kit/memory_files.ts";
import { pairFor } from "../../../tests/kit/tls_pair.ts";
import { AppError } from "../../base/errors.ts";
import { httpDelivery } from "./http_delivery.ts";

const LINES = ['{"event":"auth","user":"joe"}', '{"event":"exec","user":"ann"}'];

async function setting() {
  const pair = await pairFor("localhost");
  const collector = await HttpCollector.start(pair);
  const files = new MemoryFiles();
  await files.writePrivate("/ca", pair.cert);
  await files.writePrivate("/auth", "Bearer first\n");
  const target = { host: "localhost", port: collector.port, tls: true, path: "/in" };
  const common = { type: "http" as const, name: "x", maxBehind: 1, target };
  const deliver = httpDelivery({ ...common, caFile: "/ca", authHeaderFile: "/auth" }, files);
  return { collector, files, common, deliver };
}

Deno.test("lines are posted with the header that the file holds now", async () => {
  const { collector, files, deliver } = await setting();
  await deliver(LINES);
  await files.writePrivate("/auth", "Bearer second");
  await deliver(LINES.slice(0, 1));
  assertEquals(collector.events.map(({ user }) => user), ["joe", "ann", "joe"]);
  assertEquals(collector.headers.map(({ authorization }) => authorization), [
    "Bearer first",
    "Bearer second",
  ]);
  await collector[Symbol.asyncDispose]();
});

Deno.test("what a collector will never take is told apart from what may be tried again", async () => {
  const { collector, deliver } = await setting();
  const codes: [number, string][] = [
    [400, "bad_input"],
    [413, "bad_input"],
    [401, "unavailable"],
    [
      403,
      "unavailable",
    ],
    [429, "unavailable"],
    [503, "unavailable"],
    [302, "unavailable"],
  ];
  for (const [status, code] of codes) {
    collector.status = status;
    assertEquals((await assertRejects(() => deliver(LINES), AppError, `status ${status}`)).code, code);
  }
  await collector[Symbol.asyncDispose]();
});

Deno.test("an unknown authority, and a file of the header that is none, stop the delivery and leak nothing", async () => {
  const { collector, files, common, deliver } = await setting();
  await assertRejects(() => httpDelivery(common, files)(LINES), Error, "self-signed");
  for (const text of ["", "Bearer secret\nX-Evil: 1", "Bearer secr\u00e9t"]) {
    await files.writePrivate("/auth", text);
    const error = await assertRejects(() => deliver(LINES), AppError, "/auth must hold one line");
    assertEquals(error.message.includes("secr"), false);
  }
  await files.remove("/auth");
  await assertRejects(() => deliver(LINES), AppError, "/auth does not exist");
  assertEquals(collector.headers, []);
  await collector[Symbol.asyncDispose]();
});
