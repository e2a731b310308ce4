import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { stringify } from "@std/yaml";
import { DAY } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { planAuditSinks } from "../audit_sinks.ts";
import { loadConfig } from "./load.ts";

function load(auth: Record<string, unknown>) {
  return loadConfig({ config: "t.yaml" }, {
    hostname: "box",
    uid: 1000,
    home: "/home/joe",
    cwd: "/srv",
    readTextFile: () => Promise.resolve(stringify({ auth_service: auth })),
  });
}

const sinks = async (...entries: Record<string, unknown>[]) =>
  (await load({ audit_sinks: entries })).auth.audit.sinks;

Deno.test("without a word nothing is passed on, everything is kept, and auth needs no network", async () => {
  const { audit } = (await load({})).auth;
  assertEquals(audit, { sinks: [], keepLog: undefined, keepRecordings: undefined });
  assertEquals(planAuditSinks(audit.sinks), { settings: [], datagrams: [], net: [], read: [] });
});

Deno.test("an HTTP sink has its URL, its files as absolute paths and 64 MB of the log to wait in", async () => {
  assertEquals(
    await sinks({
      type: "http",
      url: "https://collector.example.com/in?x=1",
      auth_header_file: "secret",
      ca_file: "/etc/ca.pem",
    }),
    [{
      type: "http",
      name: "http https://collector.example.com:443/in",
      target: { host: "collector.example.com", port: 443, tls: true, path: "/in?x=1" },
      authHeaderFile: "/srv/secret",
      caFile: "/etc/ca.pem",
      events: undefined,
      maxBehind: 64 * 1024 * 1024,
    }],
  );
  const { warnings } = await load({ audit_sinks: [{ type: "http", url: "http://[::1]:88/" }] });
  assertStringIncludes(warnings.join("\n"), "go to ::1 unencrypted");
});

Deno.test("a syslog sink is local, or by socket, UDP or TCP; the default port is 514", async () => {
  const targets = async (address?: string) =>
    (await sinks(address === undefined ? { type: "syslog" } : { type: "syslog", address }))[0]?.target;
  assertEquals(await targets(), { kind: "local" });
  assertEquals(await targets("local"), { kind: "local" });
  assertEquals(await targets("syslog:///run/log"), { kind: "unix", path: "/run/log" });
  assertEquals(await targets("syslog://logs"), { kind: "udp", host: "logs", port: 514 });
  assertEquals(await targets("udp://logs:1514"), { kind: "udp", host: "logs", port: 1514 });
  assertEquals(await targets("tcp://logs:601"), { kind: "tcp", host: "logs", port: 601 });
});

Deno.test("what is wrong with a sink is said with its place", async () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ type: "kafka" }, '"kafka" is none of'],
    [{ type: "http" }, 'needs "url"'],
    [{ type: "http", url: "ftp://x/" }, "is written https://"],
    [{ type: "http", url: "https://joe:secret@x/" }, "auth_header_file"],
    [{ type: "http", url: "https://x/", address: "local" }, "does not belong to a sink"],
    [{ type: "syslog", url: "https://x/" }, "does not belong to a sink"],
    [{ type: "syslog", address: "logs:514" }, "is no syslog"],
    [{ type: "syslog", spool_mb: "0" }, "whole number"],
    [{ type: "syslog", events: ["user.logon"] }, "user.login"],
    [{ type: "syslog", adress: "local" }, "did you mean"],
  ];
  for (const [entry, wanted] of cases) {
    const error = await assertRejects(() => sinks(entry), AppError, wanted, JSON.stringify(entry));
    assertStringIncludes(error.message, "t.yaml:");
    assertEquals(error.message.includes("secret"), false);
  }
  await assertRejects(() => sinks({ type: "syslog" }, { type: "syslog" }), AppError, "twice");
});

Deno.test("retention is a time of a day at least, or for ever", async () => {
  const { audit } = (await load({ audit_retention: "400d", recording_retention: "2160h" })).auth;
  assertEquals([audit.keepLog, audit.keepRecordings], [400 * DAY, 90 * DAY]);
  assertEquals((await load({ audit_retention: "forever" })).auth.audit.keepLog, undefined);
  for (const wrong of ["1h", "0", "soon", "-1d"]) {
    await assertRejects(() => load({ audit_retention: wrong }), AppError, "t.yaml:");
  }
});

Deno.test("auth may dial the collectors and read their files, and nothing is granted for datagrams", async () => {
  const plan = planAuditSinks(
    await sinks(
      { type: "http", url: "https://[2001:db8::1]/", auth_header_file: "/a", ca_file: "/b" },
      { type: "syslog", address: "tcp://logs" },
      { type: "syslog", address: "udp://logs" },
      { type: "syslog" },
    ),
  );
  assertEquals(plan.net, ["[2001:db8::1]:443", "logs:514"]);
  assertEquals(plan.read, ["/a", "/b"]);
  assertEquals(plan.datagrams, [{ kind: "udp", host: "logs", port: 514 }, { kind: "local" }]);
});
