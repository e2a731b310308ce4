import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { streamPair } from "../../tests/kit/stream_pair.ts";
import { mayAskAgent, relayAgent } from "./agent_relay.ts";
import { WireWriter } from "./wire.ts";

const framed = (...message: Uint8Array[]) => new WireWriter().string(Buffer.concat(message)).bytes();

/** Collects what comes, with a way to wait for so many bytes of it. */
class Inbox {
  bytes = Buffer.alloc(0);
  #check = () => {};
  readonly ended: Promise<void>;

  constructor(stream: Duplex) {
    stream.on("data", (chunk: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      this.#check();
    });
    stream.on("error", () => {}); // closed by the relay
    this.ended = new Promise((resolve) => stream.once("close", () => resolve()).once("end", () => resolve()));
  }

  length(wanted: number): Promise<void> {
    return new Promise((resolve) => {
      this.#check = () => this.bytes.length >= wanted && resolve();
      this.#check();
    });
  }
}

function relay() {
  const [asking, asker] = streamPair();
  const [agent, agentSide] = streamPair();
  const done = relayAgent(asker, agent);
  return { asking, agentSide, done, answers: new Inbox(asking), requests: new Inbox(agentSide) };
}

Deno.test("of all requests only listing, signing and session-bind may reach an agent", () => {
  const allowed = Array.from({ length: 256 }, (_, type) => type).filter((type) =>
    mayAskAgent(Buffer.from([type]))
  );
  assertEquals(allowed, [11, 13]);
  const extension = (name: string) => new WireWriter().byte(27).string(name).bytes();
  assertEquals(mayAskAgent(extension("session-bind@openssh.com")), true);
  assertEquals(mayAskAgent(extension("query")), false);
  assertEquals(mayAskAgent(Buffer.from([27, 0, 0, 1, 0])), false);
  assertEquals(mayAskAgent(Buffer.alloc(0)), false);
});

Deno.test("a request goes to the agent and its answer back; a forbidden one is answered here, in order", async () => {
  const { asking, agentSide, answers, requests, done } = relay();
  const list = framed(Buffer.from([11]));
  asking.write(Buffer.concat([framed(Buffer.from([19])), list, framed(Buffer.from([20, 1, 2]))]));
  await requests.length(list.length);
  assertEquals(requests.bytes, list, "nothing else reached the agent");
  assertEquals(answers.bytes, framed(Buffer.from([5])), "what came later waits");
  const keys = framed(Buffer.from([12]), Buffer.alloc(100_000, 7));
  agentSide.write(keys);
  await answers.length(5 + keys.length + 5);
  assertEquals(answers.bytes, Buffer.concat([framed(Buffer.from([5])), keys, framed(Buffer.from([5]))]));
  asking.end();
  await done;
});

Deno.test("a message in many pieces is one message", async () => {
  const { asking, agentSide, answers, requests, done } = relay();
  const request = framed(Buffer.from([13]), Buffer.alloc(50, 3));
  for (const byte of request) asking.write(Buffer.from([byte]));
  await requests.length(request.length);
  assertEquals(requests.bytes, request);
  const answer = framed(Buffer.from([14, 0, 0, 0, 0]));
  for (const byte of answer) agentSide.write(Buffer.from([byte]));
  await answers.length(answer.length);
  assertEquals(answers.bytes, answer);
  asking.end();
  await done;
});

for (const [what, header] of [["too large", [0, 4, 0, 1]], ["empty", [0, 0, 0, 0]]] as const) {
  Deno.test(`a request that is ${what} ends the relay, and the agent hears nothing`, async () => {
    const { asking, requests, answers, done } = relay();
    asking.write(Buffer.from(header));
    await done;
    await requests.ended;
    await answers.ended;
    assertEquals(requests.bytes.length, 0);
  });
}

Deno.test("when the agent goes, so does the one who asks", async () => {
  const { asking, agentSide, requests, answers, done } = relay();
  asking.write(framed(Buffer.from([11])));
  await requests.length(5);
  agentSide.destroy();
  await done;
  await answers.ended;
});

Deno.test("an agent's answer that is too large ends the relay", async () => {
  const { asking, agentSide, requests, answers, done } = relay();
  asking.write(framed(Buffer.from([11])));
  await requests.length(5);
  agentSide.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
  await done;
  await answers.ended;
  assertEquals(answers.bytes.length, 0);
});
