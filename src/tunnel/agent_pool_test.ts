import { assert, assertEquals } from "@std/assert";
import { FakeClock } from "../../tests/kit/clock.ts";
import { AppError } from "../base/errors.ts";
import type { HostPort } from "../base/dial.ts";
import type { Certificate } from "../ssh/certificate.ts";
import type { TunnelAgent } from "./agent.ts";
import { AgentPool } from "./agent_pool.ts";
import type { Hello } from "./control.ts";

/** A tunnel without a network. */
class FakeAgent {
  open = true;
  retired = false;
  stale = false;
  hello: Hello | undefined;
  readonly certificate = { serial: 1n } as unknown as Certificate;
  readonly closed: Promise<void>;
  #end: () => void;

  constructor(readonly proxyId: string, proxies: string[]) {
    this.hello = { type: "hello", proxies, statement: "", leaving: false };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#end = resolve;
  }

  retire(): void {
    this.retired = true;
  }

  tellNow(): void {}

  close(): void {
    this.open = false;
    this.#end();
  }
}

/** @param turn which proxy answers, at each attempt; undefined: none does */
function setting(
  addresses: HostPort[],
  proxies: string[],
  turn: (at: HostPort, attempt: number) => string | undefined,
) {
  const clock = new FakeClock();
  const made: FakeAgent[] = [];
  const said: string[] = [];
  let attempts = 0;
  const pool = new AgentPool({
    addresses: () => Promise.resolve(addresses),
    connect: (at) => {
      const proxy = turn(at, attempts++);
      if (proxy === undefined) return Promise.reject(new AppError("unavailable", "nobody listens there"));
      const agent = new FakeAgent(proxy, proxies);
      made.push(agent);
      return Promise.resolve(agent as unknown as TunnelAgent);
    },
    clock,
    report: (_level, text) => void said.push(text),
  });
  const reached = () => [...pool.agents].map(({ proxyId }) => proxyId).sort();
  return { clock, pool, made, said, reached, attempts: () => attempts };
}

const ONE = [{ host: "balanced", port: 3024 }];

Deno.test("behind a balancer it dials until it has reached every proxy once", async () => {
  const { clock, pool, made, reached, attempts } = setting(
    ONE,
    ["a", "b", "c"],
    (_, i) => ["a", "b", "a", "b", "c"][i % 5],
  );
  await clock.advance(60_000);
  assertEquals(reached(), ["a", "b", "c"]);
  assertEquals(made.filter(({ open }) => open).length, 3, "what was reached twice is closed");
  const before = attempts();
  await clock.advance(50_000);
  assertEquals(attempts(), before, "then it is content");
  pool.stop();
  assertEquals(made.filter(({ open }) => open).length, 0);
});

Deno.test("a tunnel that is lost, or whose proxy is leaving, is made anew at once", async () => {
  const { clock, pool, made, reached } = setting(ONE, ["a"], () => "a");
  await clock.advance(1);
  assertEquals(reached(), ["a"]);
  made[0]?.close();
  await clock.advance(1);
  assertEquals([reached(), made.length], [["a"], 2]);
  pool.renew();
  await clock.advance(1);
  assertEquals(made.length, 3);
  assertEquals([made[1]?.open, made[1]?.retired], [true, true], "what it carries goes on");
  pool.recheck((certificate) => certificate !== made[1]?.certificate);
  assertEquals(made[1]?.open, false);
  pool.stop();
});

Deno.test("every address of a name is tried, and a dead one does not keep the others from coming", async () => {
  const addresses = ["1", "2", "3"].map((host) => ({ host, port: 3024 }));
  const { clock, pool, reached, said } = setting(
    addresses,
    ["1", "2", "3"],
    ({ host }) => host === "2" ? undefined : host,
  );
  await clock.advance(1);
  assertEquals(reached(), ["1", "3"]);
  assert(said.includes("nobody listens there"));
  pool.stop();
});

Deno.test("where nobody answers, attempts become rarer up to a bound, and are told once", async () => {
  const { clock, pool, attempts, said } = setting(ONE, ["a"], () => undefined);
  await clock.advance(10_000);
  const early = attempts();
  assert(early >= 4 && early <= 14, `${early}`);
  await clock.advance(100_000);
  const rate = attempts() - early;
  assert(rate >= 12 && rate <= 42, `${rate} attempts in 100 seconds`);
  assertEquals(said, ["nobody listens there"]);
  pool.drain();
  const last = attempts();
  await clock.advance(100_000);
  assertEquals(attempts(), last);
});
