import { assertEquals } from "@std/assert";

Deno.test("sessions run in a Worker that may use ffi and nothing else", async () => {
  const permissions: Deno.PermissionOptionsObject = {
    ffi: true,
    import: "inherit",
    net: false,
    run: false,
    read: false,
    write: false,
    env: false,
    sys: false,
  };
  const url = new URL("./testdata/restricted_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module", deno: { permissions } });
  const answer = await new Promise((resolve, reject) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
  });
  assertEquals(answer, {
    piped: { exit: { code: 5 }, output: "got piped\n" },
    pty: { exit: { code: 5 }, output: "got typed\r\n" },
  });
});
