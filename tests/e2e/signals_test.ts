import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { connectAs } from "../kit/login_files.ts";
import { accepts, LOGIN, noProcessWith } from "../kit/machine.ts";
import { eventually } from "../kit/run.ts";

const PTY = { columns: 80, rows: 24, width: 0, height: 0, term: "xterm", modes: new Map<number, number>() };

/** A daemon with an open shell; its files are removed at the end. */
async function withShell(
  work: (
    daemon: Daemon,
    shell: { closed: Promise<unknown>; write(text: string): void; close(): void },
  ) => Promise<void>,
): Promise<void> {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe", [LOGIN]);
  await joe.loginOk();
  const client = await connectAs(joe);
  const node = await client.node("alpha", 0, LOGIN);
  const { stream } = await node.shell({ pty: PTY });
  stream.resume();
  const closed = new Promise((resolve) => stream.once("close", resolve));
  await work(daemon, { closed, write: (text) => void stream.write(text), close: () => client.close() });
  client.close();
}

Deno.test("QUIT waits for the last session, tells what it waits for, and takes no new connections", async () => {
  await withShell(async (daemon, shell) => {
    const pid = await daemon.pid();
    const { proxySsh, proxyWeb, node } = await daemon.addresses();
    Deno.kill(pid, "SIGQUIT");
    await eventually("the addresses to be free", async () => {
      const open = await Promise.all([proxySsh, proxyWeb, node].map((at) => accepts(at?.port ?? 0)));
      return open.every((accepted) => !accepted) || undefined;
    });
    await eventually(
      "a word about the session",
      () => /waits for .*connections of the node role with 1 sessions/.test(daemon.stderr) || undefined,
    );
    assertEquals(daemon.exited, false);
    shell.write("exit\n");
    await shell.closed;
    shell.close();
    assertEquals(await daemon.ended, 0);
    const events = (await daemon.events()).map(({ event }) => event);
    assertEquals(events.filter((event) => event === "session.end").length, 1);
  });
});

Deno.test("a second signal ends a daemon that waits", async () => {
  for (const second of ["SIGQUIT", "SIGTERM"] as const) {
    await withShell(async (daemon, shell) => {
      const pid = await daemon.pid();
      Deno.kill(pid, "SIGQUIT");
      await eventually(
        "the daemon to wait",
        () => daemon.stderr.includes("takes no more connections") || undefined,
      );
      const start = performance.now();
      Deno.kill(pid, second);
      await shell.closed;
      assertEquals(await daemon.ended, 0);
      assert(performance.now() - start < 3000);
    });
  }
});

Deno.test("KILL, TERM and INT drop connections: the client sees it within two seconds, and the ports are free", async () => {
  for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"] as const) {
    await withShell(async (daemon, shell) => {
      const addresses = await daemon.addresses();
      const start = performance.now();
      Deno.kill(await daemon.pid(), signal);
      await shell.closed;
      assert(performance.now() - start < 2000, `${signal}: ${performance.now() - start} ms`);
      await daemon.ended;
      for (const address of Object.values(addresses)) assertEquals(await accepts(address.port), false);
    });
  }
});

Deno.test("USR1 tells the state of everything, at any severity, and the daemon goes on", async () => {
  await using daemon = await Daemon.start({ teleport: { log: { output: "stderr", severity: "ERROR" } } });
  const joe = await daemon.user("joe", [LOGIN]);
  await joe.loginOk();
  const client = await connectAs(joe);
  const node = await client.node("alpha", 0, LOGIN);
  await node.exec("cat");
  await eventually("the session to be counted", async () => {
    Deno.kill(await daemon.pid(), "SIGUSR1");
    return /\[diagnostics\] node: sessions 1\n/.test(daemon.stderr) || undefined;
  });
  const { node: address } = await daemon.addresses();
  const text = daemon.stderr;
  assertMatch(text, /\[diagnostics\] daemon: version \d+\.\d+\.\d+, Deno \d+\.\d+\.\d+, pid \d+, serving\n/);
  assertMatch(text, /daemon: host alpha [0-9a-f-]{36}, up [\d.]+ s, configuration [0-9a-f]{16}\n/);
  assertMatch(text, /daemon: memory [\d.]+ MB resident/);
  assertStringIncludes(text, `listener: node 127.0.0.1:${address?.port}\n`);
  for (const role of ["auth", "proxy", "node"]) {
    assertMatch(text, new RegExp(`${role}: ready, started again 0 times\n`));
    assertMatch(text, new RegExp(`${role}: packet ciphers by `));
    assertMatch(text, new RegExp(`${role}: memory [\\d.]+ of [\\d.]+ MB heap`));
    assertMatch(text, new RegExp(`${role}: connections [1-9]`));
  }
  assertMatch(text, /node: events waiting \d+\n/);
  assertMatch(text, /node: spool bytes \d+\n/);
  client.close();
  assertStringIncludes((await joe.tsh(["ls"])).stdout, "alpha");
});

Deno.test("USR1 lets go of a log file that was moved away", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-rotate-" });
  try {
    const path = `${directory}/teleport.log`;
    await using daemon = await Daemon.start({
      directory,
      teleport: { log: { output: path, severity: "INFO" } },
    });
    await Deno.rename(path, `${path}.1`);
    const { size } = await Deno.stat(`${path}.1`);
    Deno.kill(await daemon.pid(), "SIGUSR1");
    await eventually("the new file", async () => {
      try {
        return (await Deno.readTextFile(path)).includes("[diagnostics] daemon: version") || undefined;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    });
    assertEquals((await Deno.stat(`${path}.1`)).size, size);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a signal that cannot be followed while the daemon starts does not end it", async () => {
  const daemon = await Daemon.spawn();
  try {
    await eventually("the first word", () => daemon.stdout.includes("starting on") || undefined);
    for (const signal of ["SIGHUP", "SIGUSR2", "SIGUSR1"] as const) daemon.process.kill(signal);
    await daemon.ready();
    assertStringIncludes(daemon.stderr, "HUP has no effect: this daemon is starting");
  } finally {
    await daemon.stop();
  }
  await noProcessWith(daemon.configFile);
});
