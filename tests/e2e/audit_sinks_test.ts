/**
 * The audit log passed on: to syslog by every transport and to an HTTPS collector, through restarts and a proxy.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { type CollectedEvent, HttpCollector, TcpSyslog, UdpSyslog } from "../kit/collector.ts";
import { LoggingProxy } from "../kit/connect_proxy.ts";
import { eventually } from "../kit/run.ts";
import { pairFor } from "../kit/tls_pair.ts";
import { UnixDatagrams } from "../kit/unix_datagrams.ts";

const invited = (events: readonly CollectedEvent[]) =>
  events.filter(({ event }) => event === "user.invite").map(({ user }) => user);

/** What a syslog message carries. */
const eventOf = (message: string): CollectedEvent => JSON.parse(message.slice(message.indexOf("{")));

async function folder(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "teleport-sinks-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("every event reaches syslog by TCP, UDP and socket and an HTTPS collector once each", async () => {
  await using place = await folder();
  const pair = await pairFor("localhost");
  await Deno.writeTextFile(`${place.path}/ca.pem`, pair.cert);
  await Deno.writeTextFile(`${place.path}/auth`, "Splunk 0123-secret\n");
  await using http = await HttpCollector.start(pair);
  await using tcp = await TcpSyslog.start();
  await using udp = await UdpSyslog.start();
  using unix = new UnixDatagrams(`${place.path}/log.sock`);
  const url = `https://localhost:${http.port}/services/collector?x=1`;
  await using daemon = await Daemon.start({
    auth: {
      audit_sinks: [
        { type: "http", url, auth_header_file: `${place.path}/auth`, ca_file: `${place.path}/ca.pem` },
        { type: "syslog", address: `tcp://localhost:${tcp.port}` },
        { type: "syslog", address: `syslog://127.0.0.1:${udp.port}` },
        { type: "syslog", address: `syslog://${place.path}/log.sock`, events: ["user.invite"] },
      ],
    },
  });
  const names = ["ann", "bob", "cid"];
  for (const name of names) await daemon.tctlOk("users", "add", name);
  await eventually("HTTP", () => invited(http.events).length >= 3 || undefined);
  await eventually("TCP", () => tcp.text.includes('"user":"cid"') || undefined);
  await eventually("UDP", () => udp.messages.some((text) => text.includes('"user":"cid"')) || undefined);
  const local: string[] = [];
  for (const _ of names) local.push(await unix.next());
  assertEquals(local.map((text) => eventOf(text).user), names);
  assertMatch(local[0] ?? "", /^<109>[A-Z][a-z]{2} .{11} teleport\[\d+\]: \{/);
  assertEquals(unix.receive(), undefined);

  const written = (await daemon.events()).map((event) => JSON.stringify(event)).sort();
  assertEquals(http.events.map((event) => JSON.stringify(event)).sort(), written, "each once, none missing");
  assertEquals(udp.messages.map((text) => JSON.stringify(eventOf(text))).sort(), written);
  assertEquals(tcp.text.match(/<10[89]>1 /g)?.length, written.length);
  assertEquals(http.headers[0]?.authorization, "Splunk 0123-secret");
  assertEquals(http.headers[0]?.["content-type"], "application/x-ndjson");
  const status = await daemon.tctlOk("events", "--text=0123-secret", "--format=json");
  assertEquals(status, "");
  assert(!daemon.stderr.includes("0123-secret"));
});

Deno.test("a collector that is away gets what it missed, also after the daemon was started anew, through a proxy", async () => {
  await using place = await folder();
  const pair = await pairFor("collector.example.com");
  await Deno.writeTextFile(`${place.path}/ca.pem`, pair.cert);
  const first = await HttpCollector.start(pair);
  const { port } = first;
  await using proxy = await LoggingProxy.start({ hosts: { "collector.example.com": "127.0.0.1" } });
  const options = {
    directory: place.path,
    env: { HTTPS_PROXY: proxy.url },
    auth: {
      audit_sinks: [{
        type: "http",
        url: `https://collector.example.com:${port}/in`,
        ca_file: `${place.path}/ca.pem`,
      }],
    },
  };
  {
    await using daemon = await Daemon.start(options);
    await daemon.tctlOk("users", "add", "ann");
    await eventually("the first", () => invited(first.events).length === 1 || undefined);
    await first[Symbol.asyncDispose]();
    await daemon.tctlOk("users", "add", "bob");
    await eventually("a word about it", () => daemon.stderr.includes("takes no events") || undefined);
  }
  await using second = await HttpCollector.start(pair, port);
  await using daemon = await Daemon.start(options);
  await daemon.tctlOk("users", "add", "cid");
  await eventually("the rest", () => invited(second.events).includes("cid") || undefined);
  assertEquals(invited([...first.events, ...second.events]), ["ann", "bob", "cid"]);
  assert(proxy.asked.length > 0 && proxy.asked.every((asked) => asked === `collector.example.com:${port}`));
});

Deno.test("without ca_file a collector is checked against the system's authorities, and one they do not know gets nothing", async () => {
  await using collector = await HttpCollector.start(await pairFor("localhost"));
  const url = `https://localhost:${collector.port}/in`;
  await using daemon = await Daemon.start({ auth: { audit_sinks: [{ type: "http", url }] } });
  await eventually("a word about it", () => daemon.stderr.includes("takes no events") || undefined);
  assertMatch(daemon.stderr, /takes no events.*(self-signed|UnknownIssuer|unable to verify)/i);
  assertEquals(collector.events, []);
});

Deno.test("days and recordings older than they are kept are deleted at the start, and the rest stays", async () => {
  await using place = await folder();
  const log = `${place.path}/data/log`;
  await Deno.mkdir(`${log}/sessions/default`, { recursive: true, mode: 0o700 });
  const yesterday = new Date(Date.now() - 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
  for (const day of ["2020-01-01", "2020-01-02", yesterday]) {
    await Deno.writeTextFile(`${log}/${day}.00:00:00.log`, "");
  }
  const [old, young] = [crypto.randomUUID(), crypto.randomUUID()];
  for (const sid of [old, young]) {
    await Deno.writeTextFile(`${log}/sessions/default/${sid}.session.log`, "{}\n");
  }
  await Deno.utime(`${log}/sessions/default/${old}.session.log`, 0, 1_577_836_800);
  await using daemon = await Daemon.start({
    directory: place.path,
    auth: { audit_retention: "400d", recording_retention: "90d" },
  });
  const names = (await Array.fromAsync(Deno.readDir(log))).map(({ name }) => name);
  assert(!names.some((name) => name.startsWith("2020")), `${names}`);
  assert(names.includes(`${yesterday}.00:00:00.log`));
  const recordings = (await Array.fromAsync(Deno.readDir(`${log}/sessions/default`))).map(({ name }) => name);
  assertEquals(recordings, [`${young}.session.log`]);
  const event = await daemon.event("audit.retention");
  assertEquals([event.from, event.to, event.count], ["2020-01-01", "2020-01-02", 2]);
  assertEquals((await daemon.event("recording.delete")).sid, old);
});
