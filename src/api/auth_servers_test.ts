import { assert, assertEquals, assertRejects } from "@std/assert";
import { createServer, type Server } from "node:net";
import { freePort } from "../../tests/kit/machine.ts";
import { systemClock } from "../base/clock.ts";
import { formatHostPort } from "../base/dial.ts";
import { AppError } from "../base/errors.ts";
import { AuthServers } from "./auth_servers.ts";

async function listening(): Promise<{ port: number; server: Server } & AsyncDisposable> {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const end = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { port, server, [Symbol.asyncDispose]: end };
}

const local = (port: number) => ({ host: "127.0.0.1", port });
const names = (servers: AuthServers) => servers.list.map(formatHostPort);

async function reached(servers: AuthServers): Promise<number | undefined> {
  const socket = await servers.dial();
  const port = socket.remotePort;
  socket.destroy();
  return port;
}

Deno.test("what the cluster has told of comes before the configuration, which stays as the last resort", () => {
  const servers = new AuthServers(systemClock, [local(1), local(2)], ["127.0.0.1:3", "127.0.0.1:2"]);
  assertEquals(names(servers), ["127.0.0.1:3", "127.0.0.1:2", "127.0.0.1:1"]);
  servers.learn(["[::1]:4", "nonsense", "a b:1", "x:99999"]);
  assertEquals(names(servers), ["[::1]:4", "127.0.0.1:1", "127.0.0.1:2"]);
});

Deno.test("a server where nobody listens is passed over, and one that was of no use is left for the next", async () => {
  await using one = await listening();
  await using two = await listening();
  const servers = new AuthServers(systemClock, [local(freePort()), local(one.port), local(two.port)]);
  assertEquals(await reached(servers), one.port);
  assertEquals(await reached(servers), one.port);
  servers.next();
  assertEquals(await reached(servers), two.port);
});

Deno.test("a server that does not answer costs a second, not its whole deadline", async () => {
  await using one = await listening();
  // A listener whose queue is full does not answer at all; 192.0.2.0/24 leads nowhere.
  const servers = new AuthServers(systemClock, [local(one.port)], ["192.0.2.1:3025"]);
  const before = performance.now();
  assertEquals(await reached(servers), one.port);
  assert(performance.now() - before < 5000);
});

Deno.test("when no server answers, the reason names one of them", async () => {
  const port = freePort();
  const servers = new AuthServers(systemClock, [local(port)]);
  const error = await assertRejects(() => servers.dial(), AppError);
  assert(error.message.includes(`127.0.0.1:${port}`));
});
