import { assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { FakeClock, settle } from "../../tests/kit/clock.ts";
import { streamPair } from "../../tests/kit/stream_pair.ts";
import { AppError } from "../base/errors.ts";
import { TUNNEL } from "../model/limits.ts";
import type { HostIdentity } from "../model/identity.ts";
import type { ServerConnection } from "../ssh/server.ts";
import { TunnelHub } from "./hub.ts";
import { readTransport, transportFields } from "./transport.ts";
import { WireReader } from "../ssh/wire.ts";

const STATEMENT = "c3RhdGVtZW50";
const REQUEST = {
  to: { kind: "node" as const, host: "db1", port: 0 },
  client: { address: "192.0.2.1", port: 5 },
};

/** The hub's end of a tunnel, whose agent is the test. */
function tunnel(cluster: string, answer: (type: string) => Promise<Duplex>) {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let open = true;
  const identity: HostIdentity = { kind: "host", role: "proxy", hostId: "id", cluster };
  const connection = {
    identity,
    closed,
    close: () => {
      open = false;
      resolve();
    },
    openChannel: answer,
  } as unknown as ServerConnection<HostIdentity>;
  return { connection, isOpen: () => open };
}

function setting() {
  const clock = new FakeClock();
  const told: string[] = [];
  const hub = new TunnelHub({
    clock,
    hello: () => ({ proxies: ["p1"], statement: STATEMENT, leaving: false }),
    onStatement: (cluster, statement) => void told.push(`${cluster} states ${statement}`),
    onStatus: (cluster, online) => void told.push(`${cluster} ${online ? "online" : "offline"}`),
  });
  /** An agent that takes the control channel. */
  const agent = async (
    cluster: string,
    transport: () => Promise<Duplex> = () => Promise.resolve(streamPair()[0]),
  ) => {
    const [near, far] = streamPair();
    const end = tunnel(cluster, (type) => type === "teleport-control" ? Promise.resolve(near) : transport());
    let heard = "";
    far.on("data", (chunk: Buffer) => heard += chunk.toString());
    hub.add(end.connection);
    await settle();
    const say = async (text: string) => {
      far.write(text);
      await new Promise((resolve) => setTimeout(resolve, 0));
      await settle();
    };
    return { ...end, say, heard: () => heard, far };
  };
  return { clock, hub, told, agent };
}

Deno.test("a cluster is online from its first tunnel to the end of its last", async () => {
  const { hub, told, agent } = setting();
  const [one, two] = [await agent("east"), await agent("east")];
  await one.say("");
  assertEquals(JSON.parse(one.heard()), {
    type: "hello",
    proxies: ["p1"],
    statement: STATEMENT,
    leaving: false,
  });
  await one.say(`${JSON.stringify({ type: "beat", records: true, statement: "YQ==" })}\n`);
  assertEquals([hub.size, hub.status("east")?.tunnels, hub.status("east")?.records], [2, 2, true]);
  assertEquals(hub.status("west"), undefined);
  one.connection.close();
  await settle();
  two.connection.close();
  await settle();
  assertEquals(told, ["east online", "east states YQ==", "east offline"]);
  hub.stop();
});

Deno.test("an agent that says nothing for long, or nonsense, or too much, is cut off", async () => {
  const { hub, clock, agent } = setting();
  const quiet = await agent("quiet");
  for (
    const nonsense of [
      "no json\n",
      `{"type":"hello"}\n`,
      `{"type":"beat"}\n`,
      `${"x".repeat(200_000)}`,
      `{"type":"beat","records":false}\n`.repeat(100),
    ]
  ) {
    const loud = await agent("loud");
    await loud.say(nonsense);
    await loud.connection.closed;
    assertEquals(loud.isOpen(), false, nonsense.slice(0, 40));
  }
  await clock.advance(TUNNEL.silence - 2 * TUNNEL.heartbeat);
  assertEquals(quiet.isOpen(), true);
  await clock.advance(3 * TUNNEL.heartbeat);
  assertEquals(quiet.isOpen(), false);
  hub.stop();
});

Deno.test("a connection goes by the newest tunnel, by another when that one is gone, and not at all against a refusal", async () => {
  const { hub, agent } = setting();
  await assertRejects(() => hub.dial("east", REQUEST), AppError, "no tunnel");
  const used: string[] = [];
  await agent("east", () => {
    used.push("old");
    return Promise.resolve(streamPair()[0]);
  });
  await agent("east", () => {
    used.push("new");
    return Promise.reject(new AppError("closed", "gone"));
  });
  await hub.dial("east", REQUEST);
  assertEquals(used, ["new", "old"]);
  await agent("west", () => Promise.reject(new AppError("unavailable", "no node is called db1")));
  await assertRejects(() => hub.dial("west", REQUEST), AppError, "no node is called");
  hub.stop();
});

Deno.test("a tunnel that does not answer an open is given up in time", async () => {
  const { hub, clock, agent } = setting();
  await agent("east", () => new Promise<Duplex>(() => {}));
  const dialed = hub.dial("east", REQUEST).then(() => "", (error: Error) => error.message);
  await clock.advance(21_000);
  assertEquals(await dialed, "the tunnel does not answer");
  hub.stop();
});

Deno.test("an open says where to, and nothing else is understood", () => {
  assertEquals(readTransport(new WireReader(Buffer.from(transportFields(REQUEST)))), REQUEST);
  const wrong = [
    "",
    "{}",
    JSON.stringify({ ...REQUEST, to: { kind: "node", host: "db1", port: 70000 } }),
    JSON.stringify({ ...REQUEST, to: { kind: "auth", cluster: "west" } }),
    JSON.stringify({ ...REQUEST, to: { kind: "proxy" } }),
    JSON.stringify({ ...REQUEST, more: 1 }),
  ];
  for (const text of wrong) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    const fields = new WireReader(Buffer.concat([length, Buffer.from(text)]));
    let message = "";
    try {
      readTransport(fields);
    } catch (error) {
      message = error instanceof AppError ? error.message : "";
    }
    assertEquals(message, "the tunnel's request cannot be read", text);
  }
});

// The cluster that is trusted is upgraded first: clusters of the version before must understand what it says, and be
// understood. A change of these texts takes a version in which both forms are served.
Deno.test("a tunnel speaks with agents of 0.1.0 as they speak", async () => {
  const { hub, told, agent } = setting();
  const east = await agent("east");
  assertEquals(
    east.heard(),
    '{"type":"hello","proxies":["p1"],"statement":"c3RhdGVtZW50","leaving":false}\n',
  );
  await east.say('{"type":"beat","records":true,"statement":"YQ=="}\n{"type":"beat","records":false}\n');
  assertEquals(told, ["east online", "east states YQ=="]);
  assertEquals([east.isOpen(), hub.status("east")?.records], [true, false]);
  const open = (request: Parameters<typeof transportFields>[0]) =>
    new WireReader(Buffer.from(transportFields(request))).text();
  assertEquals(
    open(REQUEST),
    '{"to":{"kind":"node","host":"db1","port":0},"client":{"address":"192.0.2.1","port":5}}',
  );
  assertEquals(
    open({ ...REQUEST, to: { kind: "auth" } }),
    '{"to":{"kind":"auth"},"client":{"address":"192.0.2.1","port":5}}',
  );
  hub.stop();
});
