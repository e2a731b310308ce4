import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parse, stringify } from "@std/yaml";
import { callWeb } from "../../cli/tsh/web.ts";
import { Daemon } from "../kit/cluster.ts";
import { connectAs } from "../kit/login_files.ts";
import { accepts, LOGIN } from "../kit/machine.ts";
import { eventually } from "../kit/run.ts";
import { joinToken, startNode } from "../kit/second_node.ts";
import { endAll, gone, replaced, runs } from "../kit/succession.ts";
import type { User } from "../kit/user.ts";

/** A daemon with a user who is logged in, and whatever follows it, ended at the end. */
async function withDaemon(
  work: (daemon: Daemon, joe: User, pidFile: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "teleport-restart-" });
  try {
    const pidFile = `${directory}/teleport.pid`;
    const daemon = await Daemon.start({ directory, teleport: { pid_file: pidFile } });
    try {
      const joe = await daemon.user("joe", [LOGIN]);
      await joe.loginOk();
      await work(daemon, joe, pidFile);
    } finally {
      await endAll(daemon);
      await daemon.ended;
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A session that tells its daemon's process id and then says everything twice. */
class Echo {
  #output = "";

  private constructor(
    readonly client: Awaited<ReturnType<typeof connectAs>>,
    readonly write: (text: string) => void,
  ) {}

  static async open(joe: User, host = "alpha"): Promise<Echo> {
    const client = await connectAs(joe);
    const node = await client.node(host, 0, LOGIN);
    const session = await node.exec("echo daemon $PPID; exec cat");
    const echo = new Echo(client, (text) => void session.stream.write(text));
    session.stream.on("data", (data: Uint8Array) => echo.#output += new TextDecoder().decode(data));
    return echo;
  }

  async daemon(): Promise<number> {
    return await eventually(
      "the first line",
      () => Number(/daemon (\d+)\n/.exec(this.#output)?.[1]) || undefined,
    );
  }

  async works(text: string): Promise<void> {
    this.write(`${text}\n`);
    await eventually(`the echo of ${text}`, () => this.#output.includes(`${text}\n`) || undefined, 10_000);
  }

  close(): void {
    this.client.close();
  }
}

async function commandWorks(joe: User, host = "alpha"): Promise<number> {
  const { code, stdout, stderr } = await joe.tsh(["ssh", `${LOGIN}@${host}`, "echo $PPID"]);
  assertEquals(code, 0, stderr);
  return Number(stdout);
}

/** The list of nodes comes from the auth server. */
async function authWorks(joe: User): Promise<void> {
  await eventually(
    "auth to answer",
    async () => (await joe.tsh(["ls"])).stdout.includes("alpha") || undefined,
  );
}

Deno.test("HUP: sessions stay with the old process until they end, new ones get a new process", async () => {
  await withDaemon(async (daemon, joe, pidFile) => {
    const first = await Echo.open(joe);
    const [before, after] = await replaced(daemon, "SIGHUP");
    assertEquals(Number(await Deno.readTextFile(pidFile)), after);
    assertEquals(await first.daemon(), before);
    await first.works("after the reload");
    const second = await Echo.open(joe);
    assertEquals(await second.daemon(), after);
    await second.works("hello");
    assert(await runs(before));
    assertStringIncludes((await joe.tsh(["ls"])).stdout, "alpha");
    await joe.loginOk();
    first.close();
    await gone(before, 10_000);
    await second.works("still here");
    assertEquals(await commandWorks(joe), after);
    assertEquals(Number(await Deno.readTextFile(pidFile)), after);
    second.close();
    assertEquals(daemon.stderr.includes("ERROR"), false, daemon.stderr);
  });
});

Deno.test("several reloads while old sessions stay: each process goes on for its own", async () => {
  await withDaemon(async (daemon, joe, pidFile) => {
    const sessions = [await Echo.open(joe)];
    const pids = [await daemon.pid()];
    for (let round = 0; round < 2; round++) {
      const [, after] = await replaced(daemon, "SIGHUP");
      pids.push(after);
      sessions.push(await Echo.open(joe));
    }
    for (const [i, session] of sessions.entries()) {
      assertEquals(await session.daemon(), pids[i]);
      await session.works(`session ${i}`);
    }
    // The one in the middle goes first: it is neither the oldest nor the one that serves.
    const [first = 0, second = 0, third = 0] = pids;
    sessions[1]?.close();
    await gone(second, 10_000);
    await sessions[0]?.works("still the first");
    assert(await runs(first));
    sessions[0]?.close();
    await gone(first, 10_000);
    await sessions[2]?.works("still the third");
    assertEquals(await commandWorks(joe), third);
    assertEquals(Number(await Deno.readTextFile(pidFile)), third);
    sessions[2]?.close();
  });
});

Deno.test("HUP: a recording that began before the reload is complete, with all its events", async () => {
  await withDaemon(async (daemon, joe) => {
    const client = await connectAs(joe);
    const node = await client.node("alpha", 0, LOGIN);
    const pty = { columns: 80, rows: 24, width: 0, height: 0, term: "xterm", modes: new Map() };
    const session = await node.exec("read first; echo one $first; read second; echo two $second", { pty });
    session.stream.resume();
    session.stream.write("before\n");
    const { sid } = await daemon.event("session.start");
    const [before] = await replaced(daemon, "SIGHUP");
    session.stream.write("after\n");
    await new Promise((resolve) => session.stream.once("close", resolve));
    client.close();
    await gone(before, 10_000);
    assertEquals((await daemon.event("session.end", (event) => event.sid === sid)).exitCode, 0);
    const played = await eventually("the recording", async () => {
      const { code, stdout } = await joe.tsh(["play", "--raw", String(sid)]);
      return code === 0 && stdout.includes("two after") ? stdout : undefined;
    });
    assertStringIncludes(played, "one before");
    const [runs] = [...Deno.readDirSync(`${daemon.dataDir}/node/runs`)].map(({ name }) => name);
    assertEquals(
      [...Deno.readDirSync(`${daemon.dataDir}/node/runs`)].length,
      1,
      `${runs} is of the new process`,
    );
  });
});

Deno.test("HUP under load: no connection is lost and no login refused", async () => {
  await withDaemon(async (daemon, joe) => {
    const [host = "", port] = (await daemon.webAddress()).split(":");
    const failures: string[] = [];
    let sessions = 0;
    let pings = 0;
    let on = true;
    const work = [
      ...Array.from({ length: 3 }, async () => {
        while (on) {
          try {
            await callWeb({ host, port: Number(port), insecure: true }, "GET", "/webapi/ping");
            pings++;
          } catch (error) {
            failures.push(`ping: ${error}`);
          }
        }
      }),
      ...Array.from({ length: 3 }, async () => {
        while (on) {
          try {
            const echo = await Echo.open(joe);
            await echo.works("x");
            echo.close();
            sessions++;
          } catch (error) {
            failures.push(`session: ${error}`);
          }
        }
      }),
      (async () => {
        while (on) {
          const { code, stderr } = await joe.tsh(["ls"]);
          if (code !== 0) failures.push(`tsh ls: ${stderr}`);
        }
      })(),
    ];
    await eventually("some sessions", () => sessions > 5 || undefined);
    for (let round = 0; round < 2; round++) {
      const [before] = await replaced(daemon, "SIGHUP");
      const reached = sessions;
      await gone(before, 30_000);
      await eventually("more sessions", () => sessions > reached + 5 || undefined);
    }
    on = false;
    await Promise.all(work);
    assertEquals(failures, []);
    assert(pings > 20, `${pings} pings`);
  });
});

Deno.test("USR2: a second daemon serves beside the first, and either may be killed", async () => {
  await withDaemon(async (daemon, joe) => {
    const session = await Echo.open(joe);
    const [before, after] = await replaced(daemon, "SIGUSR2");
    await session.works("both run");
    assert(await runs(before) && await runs(after));
    // Without the second one the first one is as it was, the auth role included.
    Deno.kill(after, "SIGKILL");
    await eventually("the first to serve alone", async () => await daemon.pid() === before || undefined);
    await session.works("alone again");
    await authWorks(joe);
    assertEquals(await commandWorks(joe), before);

    const [, third] = await replaced(daemon, "SIGUSR2");
    Deno.kill(before, "SIGKILL");
    await gone(before);
    assertEquals(await commandWorks(joe), third);
    await authWorks(joe);
    session.close();
  });
});

/** Changes the daemon's configuration file. */
async function reconfigure(daemon: Daemon, change: (config: Config) => void): Promise<() => Promise<void>> {
  const text = await Deno.readTextFile(daemon.configFile);
  const config = parse(text) as Config;
  change(config);
  await Deno.writeTextFile(daemon.configFile, stringify(config));
  return () => Deno.writeTextFile(daemon.configFile, text);
}

type Config = Record<string, Record<string, unknown>>;

Deno.test("a new daemon that does not come up changes nothing: the old one stays in service and says why", async () => {
  await withDaemon(async (daemon, joe, pidFile) => {
    const session = await Echo.open(joe);
    const pid = await daemon.pid();
    const refusals: [why: RegExp, change: (config: Config) => void][] = [
      [/nodname/, (config) => void (config.teleport = { ...config.teleport, nodname: "x" })],
      // This one fails after the old daemon has let go of the store.
      [/cluster/, (config) => void (config.auth_service = { ...config.auth_service, cluster_name: "other" })],
    ];
    for (const [why, change] of refusals) {
      const restore = await reconfigure(daemon, change);
      const told = daemon.stderr.length;
      Deno.kill(pid, "SIGHUP");
      const line = await eventually(
        "the reason",
        () => daemon.stderr.slice(told).split("\n").find((line) => line.includes("did not come up")),
      );
      assertMatch(line, /ERROR +\[daemon\] the new daemon did not come up, this one stays in service: /);
      assertMatch(line, why);
      await restore();
      assertEquals(Number(await Deno.readTextFile(pidFile)), pid);
      await session.works(`after ${why}`);
      await authWorks(joe);
      assertEquals(await commandWorks(joe), pid);
    }
    // One that is killed while it starts, and one that is asked to end then, take nothing over either.
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      const told = daemon.stderr.length;
      Deno.kill(pid, "SIGHUP");
      const started = await eventually(
        "the new process",
        () => Number(/process (\d+) was started/.exec(daemon.stderr.slice(told))?.[1]) || undefined,
      );
      Deno.kill(started, signal);
      await eventually(
        "the reason",
        () =>
          daemon.stderr.slice(told).includes("did not come up, this one stays in service: it ended with") ||
          undefined,
      );
      assertEquals(Number(await Deno.readTextFile(pidFile)), pid);
      await session.works(`after ${signal}`);
      await authWorks(joe);
    }
    // And the next one, with the right configuration, takes over.
    const [, after] = await replaced(daemon, "SIGHUP");
    assertEquals(await commandWorks(joe), after);
    session.close();
  });
});

Deno.test("QUIT while a new daemon is starting ends that one, and waits for the last session with auth in place", async () => {
  await withDaemon(async (daemon, joe) => {
    const session = await Echo.open(joe);
    await session.daemon();
    Deno.kill(await daemon.pid(), "SIGHUP");
    const started = await eventually(
      "the new process",
      () => Number(/process (\d+) was started/.exec(daemon.stderr)?.[1]) || undefined,
    );
    Deno.kill(daemon.process.pid, "SIGQUIT");
    await eventually(
      "the wait",
      () => /takes no more connections \(by QUIT\)/.test(daemon.stderr) || undefined,
    );
    await gone(started);
    assertStringIncludes(daemon.stderr, "the new daemon was ended before it took over");
    await session.works("after QUIT");
    assertEquals(daemon.exited, false);
    session.close();
    assertEquals(await daemon.ended, 0);
    const ends = (await daemon.events()).filter(({ event }) => event === "session.end" || event === "exec");
    assert(ends.length > 0, "the last events reached auth");
  });
});

Deno.test("HUP of a daemon with the node role only: its sessions go on, and its new process is reached", async () => {
  await withDaemon(async (cluster, joe) => {
    const directory = await Deno.makeTempDir({ prefix: "teleport-restart-node-" });
    try {
      const node = await startNode(cluster, { nodename: "beta", directory, token: await joinToken(cluster) });
      try {
        const session = await Echo.open(joe, "beta");
        const [before, after] = await replaced(node, "SIGHUP");
        await session.works("after the reload");
        assertEquals(await commandWorks(joe, "beta"), after);
        session.close();
        await gone(before, 10_000);
        assertEquals(await commandWorks(joe, "beta"), after);
      } finally {
        await endAll(node);
        await node.ended;
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
});

Deno.test("a reload may move a service to another address", async () => {
  await withDaemon(async (daemon, joe) => {
    const old = (await daemon.addresses()).proxyWeb?.port ?? 0;
    await reconfigure(daemon, (config) => {
      config.proxy_service = { ...config.proxy_service, web_listen_addr: "127.0.0.2:0" };
    });
    const [before] = await replaced(daemon, "SIGHUP");
    await gone(before, 15_000);
    const now = (await daemon.addresses()).proxyWeb;
    assertEquals(now?.host, "127.0.0.2");
    assertEquals(await accepts(old), false);
    assertEquals(await commandWorks(joe), await daemon.pid());
  });
});
