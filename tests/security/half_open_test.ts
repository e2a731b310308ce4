/**
 * Connections that are opened and go no further (CVE-2024-6387 needed many of them; Slowloris): they cost little, and
 * honest clients come through.
 * @module
 */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { connect } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { connectSsh } from "../../src/ssh/client.ts";
import { generateKey } from "../../src/ssh/private_key.ts";
import { certifyUser, type SpyServer, startSpyServer } from "../kit/raw_ssh.ts";

/** What the runtime keeps for good is there after so many. */
const WARM_UP = 3000;
const COUNT = 10_000;
const MAX_LOGIN_MS = 2000;
/** What is reachable afterwards: half a KiB for each connection would be more. */
const MAX_GROWTH = 5 * 1024 * 1024;
/** What the process has from the system: it keeps what it once needed. */
const MAX_RSS_GROWTH = 200 * 1024 * 1024;

async function logIn(server: SpyServer, localAddress: string): Promise<number> {
  const start = performance.now();
  const key = generateKey();
  const credential = { key, certificate: certifyUser(server.ca, key, "joe", "joe") };
  const stream = connect({ port: server.port, host: "127.0.0.1", localAddress });
  const client = await connectSsh({ stream, username: "joe", credential, verifyHost: () => {} });
  client.close();
  await client.closed;
  return performance.now() - start;
}

/** The attacker's process. */
function flood(port: number, count: number, hurry: boolean) {
  const script = new URL("../kit/half_open.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "-q", "--no-check", script],
      ...[String(port), String(count), ...hurry ? ["hurry"] : []],
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  return {
    /** Settles when all connections have been opened. */
    opened: output.read(),
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await child.status;
      await output.cancel();
    },
  };
}

/** Floods a server while clients log in one after the other. */
async function measure(server: SpyServer, count: number, hurry: boolean, from: string) {
  let [over, slowest, logins, rss] = [false, 0, 0, 0];
  await using attacker = flood(server.port, count, hurry);
  attacker.opened.then(() => over = true);
  while (!over) {
    slowest = Math.max(slowest, await logIn(server, from));
    rss = Math.max(rss, Deno.memoryUsage().rss);
    logins++;
  }
  assertLess(server.server.waiting, 201, "the cap of one address");
  slowest = Math.max(slowest, await logIn(server, from));
  assertEquals(new Set(server.connections.map(({ identity }) => identity)), new Set(["joe"]));
  server.connections.length = 0; // what the test remembers of the honest ones is not the server's memory
  return { slowest, logins, rss, heap: await settledHeap() };
}

/** What is in use once the last of those who were shown out are gone: looked at until it falls no more. */
async function settledHeap(): Promise<number> {
  let heap = Infinity;
  for (let look = 0; look < 20; look++) {
    collectGarbage();
    const { heapUsed } = Deno.memoryUsage();
    if (heapUsed > heap - 2 ** 19) return Math.min(heap, heapUsed);
    heap = heapUsed;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return heap;
}

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

const floods = [
  { hurry: false, from: "127.0.0.1", who: "from the same address" },
  { hurry: true, from: "127.0.0.2", who: "from elsewhere, however fast the attacker is," },
];

const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);

for (const { hurry, from, who } of floods) {
  Deno.test(`${COUNT} half-open connections cost no memory, and logins ${who} take less than 2 s`, async () => {
    await using server = await startSpyServer();
    const before = await measure(server, WARM_UP, hurry, from);
    const { slowest, logins, rss, heap } = await measure(server, COUNT, hurry, from);
    const displaced = server.refusals.filter((reason) => reason.startsWith("it made room")).length;
    const [growth, rssGrowth] = [heap - before.heap, rss - before.rss];
    console.log(
      `${logins} logins meanwhile, the slowest ${
        slowest.toFixed(0)
      } ms; ${displaced} connections made room; memory ` +
        `${mebibytes(before.heap)} MiB, then ${mebibytes(growth)} more; with the system's view ${
          mebibytes(before.rss)
        } and ${mebibytes(rssGrowth)}`,
    );
    assertGreater(displaced, COUNT / 2);
    assertLess(slowest, MAX_LOGIN_MS);
    assertLess(growth, MAX_GROWTH);
    assertLess(rssGrowth, MAX_RSS_GROWTH);
  });
}
