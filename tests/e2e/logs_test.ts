import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createSocket } from "node:dgram";
import { Daemon } from "../kit/cluster.ts";
import { eventually, programArgs, run, spawn } from "../kit/run.ts";
import { UnixDatagrams } from "../kit/unix_datagrams.ts";

/** Log lines of three components: the supervisor's, and two roles' Workers'. */
const READY = /auth.*auth of cluster .*main.* is ready/;
const JOINED = /node.*joined cluster main as node/;

Deno.test("the log goes to a file of mode 0640, from all Workers, and is appended to", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-log-" });
  const path = `${directory}/teleport.log`;
  await Deno.writeTextFile(path, "an earlier line\n");
  await Deno.remove(path);
  try {
    const options = { directory, teleport: { log: { output: path, severity: "Info" } } };
    {
      await using daemon = await Daemon.start(options);
      const text = await eventually("the log", async () => {
        const text = await Deno.readTextFile(path);
        return READY.test(text) && JOINED.test(text) ? text : undefined;
      });
      assertMatch(text, /^\d{4}-\d\d-\d\dT[\d:.]+Z INFO {4}\[auth\] auth of cluster main is ready/m);
      assertMatch(text, /\[(auth|proxy|node)\.ssh\] packet ciphers: /);
      assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o640);
      assertEquals(daemon.stderr, "");
    }
    const { size } = await Deno.stat(path);
    await using _daemon = await Daemon.start(options);
    await eventually("the log to grow", async () => (await Deno.stat(path)).size > size || undefined);
    assertMatch((await Deno.readTextFile(path)).slice(0, size), READY);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("log.output stdout writes there, one JSON object a line with format json", async () => {
  await using daemon = await Daemon.start({
    teleport: { log: { output: "out", severity: "info", format: "json" } },
  });
  const line = await eventually(
    "the line of auth",
    () => daemon.stdout.split("\n").find((line) => line.startsWith("{") && READY.test(line)),
  );
  const { time, level, component, message } = JSON.parse(line);
  assertEquals([level, component], ["info", "auth"]);
  assertMatch(time, /^\d{4}-/);
  assertMatch(message, /^auth of cluster main is ready/);
  assertEquals(daemon.stderr, "");
});

Deno.test("the log goes to syslog by UDP, in the form of RFC 5424", async () => {
  const received: string[] = [];
  const socket = createSocket("udp4", (data) => received.push(String(data)));
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", () => resolve()));
  try {
    const output = `syslog://127.0.0.1:${socket.address().port}`;
    await using daemon = await Daemon.start({ teleport: { log: { output, severity: "INFO" } } });
    const line = await eventually("the line of auth", () => received.find((text) => READY.test(text)));
    const pid = await daemon.pid();
    assertMatch(line, new RegExp(`^<30>1 \\S+Z \\S+ teleport ${pid} auth - \\[auth\\] auth of cluster`));
    assertEquals(daemon.stderr, "");
  } finally {
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
});

Deno.test("log.output syslog writes to the local syslog daemon", async (t) => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-syslog-" });
  const socket = `${directory}/log`;
  try {
    using received = new UnixDatagrams(socket);
    const probe = await run("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/run"]);
    const taken = await Deno.stat("/dev/log").then(() => true, () => false);
    if (probe.code !== 0 || taken) {
      console.log("skipped: it needs root, mount namespaces and a machine without /dev/log");
      return;
    }
    await t.step("found at /var/run/syslog of a mount namespace", async () => {
      const config = `${directory}/teleport.yaml`;
      const anywhere = "127.0.0.1:0";
      await Deno.writeTextFile(
        config,
        `{teleport: {data_dir: "${directory}/data", log: {output: syslog, severity: info}}, ` +
          `auth_service: {cluster_name: main, listen_addr: "${anywhere}"}, ` +
          `ssh_service: {enabled: no}, proxy_service: {enabled: no}}`,
      );
      const command = [Deno.execPath(), ...programArgs("teleport", ["start", "-c", config])];
      const script = `mount -t tmpfs none /run && ln -s ${socket} /run/syslog && exec "$@"`;
      const child = spawn("unshare", ["--mount", "sh", "-c", script, "sh", ...command], {
        env: { HOME: directory },
      });
      await child.stdin.close();
      const line = await received.find(READY);
      assertMatch(line, /^<30>[A-Z][a-z]{2} [ \d]\d [\d:]{8} teleport\[\d+\]: \[auth\] auth of cluster/);
      const pid = Number(/\[(\d+)\]/.exec(line)?.[1]);
      Deno.kill(pid, "SIGUSR1");
      assertMatch(await received.find(/\[diagnostics\] daemon: version/), /^<30>/);
      await received.find(/\[diagnostics\] auth: ready/);
      Deno.kill(pid, "SIGTERM");
      const { code, stderr } = await child.output();
      assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a standard error that nobody reads stops neither the daemon nor a session", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-stalled-" });
  try {
    const fifo = `${directory}/stderr`;
    assertEquals((await run("mkfifo", [fifo])).code, 0);
    // The daemon itself holds the reading end, and does not read; somebody else has filled the pipe before.
    const script = `exec 3<>${fifo}; head -c 100000 /dev/zero >${fifo} 3<&- & exec "$@" 2>${fifo}`;
    await using daemon = await Daemon.start({
      directory,
      args: ["-d"],
      launcher: ["sh", "-c", script, "sh"],
    });
    const joe = await daemon.user("joe");
    await joe.loginOk();
    const { code, stdout } = await joe.tsh(["ssh", "alpha", "echo works"]);
    assertEquals([code, stdout], [0, "works\n"]);
    const start = performance.now();
    await daemon.signal("SIGTERM");
    assert(performance.now() - start < 5000);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("log.severity lets through what is as severe or more, ERROR by default", async () => {
  const noise = (text: string) => [...new Set(text.match(/\b(DEBUG|INFO|WARNING|ERROR)\b/g))].sort();
  const expected: [severity: string | undefined, levels: string[]][] = [
    [undefined, []],
    ["ERROR", []],
    ["warn", ["WARNING"]], // the self-signed certificate
    ["INFO", ["INFO", "WARNING"]],
  ];
  for (const [severity, levels] of expected) {
    await using daemon = await Daemon.start({ teleport: { log: { severity } } });
    await daemon.signal("SIGTERM");
    assertEquals(noise(daemon.stderr), levels, daemon.stderr);
  }
});

Deno.test("a syslog that is not there is told on standard error, once, and the daemon runs", async () => {
  const output = "syslog:///no/such/socket";
  await using daemon = await Daemon.start({ teleport: { log: { output, severity: "INFO" } } });
  await daemon.signal("SIGTERM");
  assertMatch(
    daemon.stderr,
    /^error: the log cannot be written, [^\n]+: cannot reach \/no\/such\/socket[^\n]*\n$/,
  );
});

Deno.test("a log file that cannot be opened ends the start with its name", async () => {
  const daemon = await Daemon.spawn({ teleport: { log: { output: "/no/such/folder/teleport.log" } } });
  assertEquals(await daemon.ended, 1);
  assertStringIncludes(daemon.stderr, "the log file /no/such/folder/teleport.log cannot be opened");
  await Deno.remove(daemon.directory, { recursive: true });
});
