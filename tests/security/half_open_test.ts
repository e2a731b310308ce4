/**
 * Connections that are opened and go no further (CVE-2024-6387 needed many of them; Slowloris): they cost little, and
 * honest clients come through.
 * @module
 */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { connectSsh } from "../../src/ssh/client.ts";
import { generateKey } from "../../src/ssh/private_key.ts";
import { HALF_OPEN_KINDS } from "../kit/half_open.ts";
import { certifyUser, type SpyServer, startSpyServer } from "../kit/raw_ssh.ts";

const COUNT = 10_000;
const MAX_LOGIN_MS = 2000;
const MAX_GROWTH = 120 * 1024 * 1024;

async function logIn(server: SpyServer): Promise<void> {
  const key = generateKey();
  const credential = { key, certificate: certifyUser(server.ca, key, "joe", "joe") };
  const client = await connectSsh({
    stream: await server.dial(),
    username: "joe",
    credential,
    verifyHost: () => {},
  });
  client.close();
  await client.closed;
}

/** The attacker's process. */
function flood(port: number, kind: string) {
  const script = new URL("../kit/half_open.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", script, String(port), String(COUNT), kind],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const opened = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  return {
    /** Settles when all connections have been opened. */
    opened: opened.read(),
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await child.status;
      await opened.cancel();
    },
  };
}

for (const kind of HALF_OPEN_KINDS) {
  Deno.test(`${COUNT} half-open connections (${kind}) cost little memory, and logins take less than 2 s`, async () => {
    await using server = await startSpyServer();
    for (let i = 0; i < 10; i++) await logIn(server); // what is loaded once does not count
    const before = Deno.memoryUsage().rss;
    let most = before;
    let over = false;
    let slowest = 0;
    let logins = 0;
    {
      await using attacker = flood(server.port, kind);
      attacker.opened.then(() => over = true);
      while (!over) {
        const start = performance.now();
        await logIn(server);
        slowest = Math.max(slowest, performance.now() - start);
        most = Math.max(most, Deno.memoryUsage().rss);
        logins++;
      }
      assertLess(server.server.waiting, 201, "the cap of one address");
      const start = performance.now();
      await logIn(server);
      slowest = Math.max(slowest, performance.now() - start);
    }
    const displaced = server.refusals.filter((reason) => reason.startsWith("it made room")).length;
    const grown = most - before;
    console.log(
      `${logins} logins meanwhile, the slowest ${slowest.toFixed(0)} ms; memory +${
        (grown / 2 ** 20).toFixed(0)
      } MiB; ${displaced} connections made room`,
    );
    assertGreater(displaced, COUNT / 2);
    assertLess(slowest, MAX_LOGIN_MS);
    assertLess(grown, MAX_GROWTH);
    assertEquals(new Set(server.connections.map(({ identity }) => identity)), new Set(["joe"]));
  });
}
