import { assertEquals, assertThrows } from "@std/assert";
import { once } from "node:events";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { streamPair } from "../../../tests/kit/stream_pair.ts";
import { AppError } from "../../base/errors.ts";
import { deadSocket, openDescriptors, until } from "../os/test_kit.ts";
import { currentUser } from "../os/user.ts";
import { AgentSocket, removeStaleAgents } from "./agent_socket.ts";

const me = currentUser();
/** A host of its own for each test: what others left is not its business. */
const newHost = () => crypto.randomUUID();
const noAgent = () => Promise.reject(new AppError("unavailable", "the client has no agent"));

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const folderOf = (path: string) => path.slice(0, path.lastIndexOf("/"));

Deno.test("a request to the socket reaches the agent, and its answer comes back", async () => {
  const agents: Duplex[] = [];
  const socket = new AgentSocket(newHost(), me, () => {
    const [ours, agent] = streamPair();
    agents.push(agent);
    agent.on("data", () => agent.write(new Uint8Array([0, 0, 0, 5, 12, 0, 0, 0, 0])));
    return Promise.resolve(ours);
  });
  const program = connect(socket.path);
  program.write(new Uint8Array([0, 0, 0, 1, 11]));
  const [answer] = await once(program, "data");
  assertEquals([...answer], [0, 0, 0, 5, 12, 0, 0, 0, 0]);
  assertEquals(agents.length, 1, "one connection for each program");
  const closed = once(program, "close");
  program.resume();
  socket.close();
  await closed;
  assertEquals(exists(folderOf(socket.path)), false);
});

Deno.test("a client that gives no agent closes the program's connection, and nothing else", async () => {
  const socket = new AgentSocket(newHost(), me, noAgent);
  for (let i = 0; i < 3; i++) {
    const program = connect(socket.path);
    program.resume();
    await once(program, "close");
  }
  socket.close();
});

Deno.test("only so many programs use one agent at the same moment", async () => {
  const streams: Duplex[] = [];
  const socket = new AgentSocket(newHost(), me, () => {
    const [ours, agent] = streamPair();
    streams.push(agent);
    return Promise.resolve(ours);
  });
  const programs = Array.from({ length: 20 }, () => connect(socket.path).on("error", () => {}));
  let closed = 0;
  for (const program of programs) {
    program.resume();
    program.once("close", () => closed++);
  }
  await until("four to be closed", () => closed === 4);
  assertEquals(streams.length, 16);
  socket.close();
  await until("all to be closed", () => closed === 20);
});

Deno.test("a folder that its user put something into stays, the socket goes", async () => {
  const socket = new AgentSocket(newHost(), me, noAgent);
  const folder = folderOf(socket.path);
  await Deno.writeTextFile(`${folder}/own`, "");
  socket.close();
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["own"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("of what an earlier run left only dead sockets of this host go", async () => {
  const [host, other] = [newHost(), newHost()];
  const live = new AgentSocket(host, me, noAgent);
  const prefix = `/tmp/teleport-${host.slice(0, 8)}-`;
  const dead = `${prefix}${"0".repeat(16)}`;
  const foreign = `/tmp/teleport-${other.slice(0, 8)}-${"0".repeat(16)}`;
  for (const folder of [dead, foreign]) {
    await Deno.mkdir(folder, { mode: 0o700 });
    deadSocket(`${folder}/teleport-1.socket`);
  }
  const open = `${prefix}${"1".repeat(16)}`;
  await Deno.mkdir(open, { mode: 0o700 });
  await Deno.chmod(open, 0o777); // not one of ours
  removeStaleAgents(host);
  assertEquals([dead, foreign, open, live.path].map(exists), [false, true, true, true]);
  live.close();
  await Deno.remove(foreign, { recursive: true });
  await Deno.remove(open);
});

Deno.test("a socket that cannot be made leaves nothing behind", () => {
  const before = openDescriptors();
  assertThrows(() => new AgentSocket("x", { ...me, uid: me.uid + 1, gid: 4_294_967_295 }, noAgent), AppError);
  assertEquals(openDescriptors(), before);
});
