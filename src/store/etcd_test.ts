import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Etcd, withoutEtcd } from "../../tests/kit/etcd.ts";
import { freePort } from "../../tests/kit/machine.ts";
import { eventually } from "../../tests/kit/run.ts";
import { TestAuthority } from "../../tests/kit/test_authority.ts";
import { systemClock } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import { testBackend } from "./conformance.ts";
import { EtcdBackend } from "./etcd.ts";
import { type EtcdTls, etcdTransport } from "./etcd_transport.ts";

const ignore = await withoutEtcd();

/** One cluster of three members for all tests of this file. */
const etcd = ignore ? undefined : await Etcd.start(3);
globalThis.addEventListener("unload", () => etcd?.killAll());

function cluster(): Etcd {
  if (!etcd) throw new Error("there is no etcd");
  return etcd;
}

const tls = (more: Partial<EtcdTls> = {}): EtcdTls => ({
  ...cluster().client,
  ca: cluster().authority.pem,
  insecure: false,
  ...more,
});

let prefixes = 0;
const opened = new WeakMap<EtcdBackend, string>();

async function open(
  { prefix = `/test${prefixes++}`, clock = systemClock, peers = cluster().peers, with: more = {} }: {
    prefix?: string;
    clock?: typeof systemClock;
    peers?: string[];
    with?: Partial<EtcdTls>;
  } = {},
): Promise<EtcdBackend> {
  const backend = await EtcdBackend.open({ peers, prefix, transport: etcdTransport(tls(more)), clock });
  opened.set(backend, prefix);
  return backend;
}

testBackend("etcd", (clock) => open({ clock: { ...systemClock, now: clock.now } }), {
  ignore,
  beside: (backend) => open({ prefix: opened.get(backend), clock: backend.clock }),
});

Deno.test(
  { name: "etcd: all keys are below the prefix, and two clusters do not see each other", ignore },
  async () => {
    const [one, two] = [await open({ prefix: "teleport" }), await open({ prefix: "teleport0" })];
    try {
      await one.commit([{ type: "put", key: ["user", "joe"], value: "1" }]);
      await two.commit([{ type: "put", key: ["user", "eve"], value: "2" }]);
      assertEquals((await one.list(["user"])).map(({ key }) => key[1]), ["joe"]);
      assertEquals((await two.list(["user"])).map(({ key }) => key[1]), ["eve"]);
      const { stdout } = await cluster().ctl("get", "--prefix", "--keys-only", "teleport/");
      assertEquals(stdout.trim(), "teleport/user/joe");
    } finally {
      await one.close();
      await two.close();
    }
  },
);

Deno.test({ name: "etcd: pages of a long list are put together", ignore }, async () => {
  const backend = await open();
  try {
    for (let i = 0; i < 1100; i += 50) {
      await backend.commit(Array.from({ length: 50 }, (_, j) => ({
        type: "put",
        key: ["n", `${i + j}`.padStart(5, "0")],
        value: `${i + j}`,
      })));
    }
    assertEquals(
      (await backend.list(["n"])).map(({ value }) => Number(value)),
      Array.from({ length: 1100 }, (_, i) => i),
    );
  } finally {
    await backend.close();
  }
});

Deno.test({ name: "etcd: entries that expire lie under a lease, which many share", ignore }, async () => {
  const backend = await open({ prefix: "/leases" });
  try {
    const before = (await cluster().ctl("lease", "list")).stdout.split("\n").length;
    const expires = Date.now() + 90_000;
    for (let i = 0; i < 10; i++) {
      await backend.commit([{
        type: "put",
        key: ["t", `${i}`],
        value: "1",
        expires: Math.floor(expires / 60_000) * 60_000 + i,
      }]);
    }
    const after = (await cluster().ctl("lease", "list")).stdout.split("\n").length;
    assertEquals(after - before, 1);
    const { stdout } = await cluster().ctl("get", "/leases/t/0", "--write-out=json");
    assert(JSON.parse(stdout).kvs[0].lease !== undefined);
  } finally {
    await backend.close();
  }
});

Deno.test({ name: "etcd: a lease that was revoked is replaced", ignore }, async () => {
  const backend = await open();
  try {
    const expires = Date.now() + 3_600_000;
    await backend.commit([{ type: "put", key: ["t"], value: "1", expires }]);
    for (const line of (await cluster().ctl("lease", "list")).stdout.split("\n").slice(1)) {
      if (line !== "") await cluster().ctl("lease", "revoke", line);
    }
    assertEquals(await backend.get(["t"]), undefined);
    assert(await backend.commit([{ type: "put", key: ["t"], value: "2", expires }]));
    assertEquals((await backend.get(["t"]))?.value, "2");
  } finally {
    await backend.close();
  }
});

Deno.test(
  { name: "etcd: a commit whose answer is lost is made once, and reported as made", ignore },
  async () => {
    const inner = etcdTransport(tls());
    let losing = 0;
    const transport = {
      ...inner,
      async post(url: string, body: string, signal: AbortSignal) {
        const answer = await inner.post(url, body, signal);
        if (!url.endsWith("/txn") || losing-- <= 0) return answer;
        for await (const _ of answer.body);
        throw new TypeError("connection reset");
      },
    };
    const backend = await EtcdBackend.open({ peers: cluster().peers, prefix: "/lost", transport });
    try {
      losing = 1;
      const create = () =>
        backend.commit([{ type: "check", key: ["u"], version: undefined }, {
          type: "put",
          key: ["u"],
          value: "1",
        }]);
      assertEquals(await create(), true);
      assertEquals(await create(), false);
    } finally {
      await backend.close();
    }
  },
);

Deno.test({
  name: "etcd: the client certificate is asked for, and one of another authority is refused",
  ignore,
}, async () => {
  const foreign = await (await TestAuthority.make("foreign")).sign("teleport");
  const error = await assertRejects(() => open({ with: foreign }), AppError);
  assertEquals(error.code, "access_denied");
  for (const peer of cluster().peers) assertStringIncludes(error.message, peer);
  assertStringIncludes(error.message, "does not accept our certificate");
});

Deno.test({
  name: "etcd: members of a foreign authority are refused, unless any certificate is accepted",
  ignore,
}, async () => {
  const { pem } = await TestAuthority.make("foreign");
  for (const ca of [pem, undefined]) {
    const error = await assertRejects(() => open({ with: { ca } }), AppError);
    assertEquals(error.code, "access_denied");
    assertStringIncludes(error.message, "its certificate is not accepted");
  }
  const backend = await open({ with: { ca: undefined, insecure: true } });
  try {
    assert(await backend.commit([{ type: "put", key: ["k"], value: "1" }]));
    assertEquals((await backend.get(["k"]))?.value, "1");
    const heard = Promise.withResolvers<void>();
    const watch = backend.watch(() => heard.resolve());
    await heard.promise;
    watch.stop();
  } finally {
    await backend.close();
  }
});

Deno.test({ name: "etcd: members that nobody answers for are named", ignore }, async () => {
  const now = { value: 0 };
  const peer = `https://127.0.0.1:${freePort()}`;
  const clock = { ...systemClock, now: () => now.value += 1000 };
  const error = await assertRejects(() => open({ peers: [peer], clock }), AppError);
  assertEquals(error.code, "unavailable");
  assertStringIncludes(error.message, `${peer}: nobody listens there`);
});

Deno.test(
  { name: "etcd: the leader may die: writes go on, and the feed misses nothing", ignore },
  async () => {
    const [reader, writer] = [await open({ prefix: "/failover" }), await open({ prefix: "/failover" })];
    try {
      const heard = new Set<string>();
      let begun = false;
      const watch = reader.watch((changes) => {
        begun = true;
        for (const { key } of changes ?? []) heard.add(key[1] ?? "");
      });
      await eventually("the feed to begin", () => begun || undefined);
      const leader = await cluster().leader();
      const writing = (async () => {
        for (let i = 0; i < 100; i++) await writer.commit([{ type: "put", key: ["n", `${i}`], value: "1" }]);
      })();
      await eventually("some changes", () => heard.size > 10 || undefined);
      await cluster().kill(leader);
      await writing;
      await eventually("all changes", () => heard.size === 100 || undefined);
      watch.stop();
      cluster().run(leader);
      await cluster().ready();
    } finally {
      await reader.close();
      await writer.close();
    }
  },
);

Deno.test(
  { name: "etcd: a feed that finds its place compacted away says that it missed something", ignore },
  async () => {
    const inner = etcdTransport(tls());
    const streams: AbortController[] = [];
    let blocked = false;
    const transport = {
      ...inner,
      post(url: string, body: string, signal: AbortSignal) {
        if (!url.endsWith("/watch")) return inner.post(url, body, signal);
        if (blocked) return Promise.reject(new TypeError("connection refused"));
        const cut = new AbortController();
        streams.push(cut);
        return inner.post(url, body, AbortSignal.any([signal, cut.signal]));
      },
    };
    const backend = await EtcdBackend.open({ peers: cluster().peers, prefix: "/compacted", transport });
    const other = await open({ prefix: "/compacted" });
    try {
      let missed = 0;
      const heard: string[] = [];
      const watch = backend.watch((changes) => {
        if (!changes) missed++;
        for (const { key } of changes ?? []) heard.push(key[0] ?? "");
      });
      await eventually("the feed to begin", () => streams.length > 0 || undefined);
      await other.commit([{ type: "put", key: ["a"], value: "1" }]);
      await eventually("a change", () => heard.includes("a") || undefined);
      assertEquals(missed, 1); // at its begin
      blocked = true;
      streams.forEach((stream) => stream.abort());
      for (const value of ["1", "2", "3"]) await other.commit([{ type: "put", key: ["b"], value }]);
      const { stdout } = await cluster().ctl("get", "/compacted/b", "--write-out=json");
      await cluster().ctl("compact", String(JSON.parse(stdout).header.revision));
      blocked = false;
      await eventually("the loss to be told", () => missed > 1 || undefined);
      for (let i = 0; !heard.includes("c"); i++) {
        await other.commit([{ type: "put", key: ["c"], value: `${i}` }]);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      watch.stop();
    } finally {
      await backend.close();
      await other.close();
    }
  },
);
