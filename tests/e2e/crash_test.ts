import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { stringify } from "@std/yaml";
import { callWeb } from "../../cli/tsh/web.ts";
import type { Role } from "../../src/daemon/config/daemon_config.ts";
import { type AdminConnection, connectAsAdmin } from "../kit/admin.ts";
import { Daemon } from "../kit/cluster.ts";
import { connectAs } from "../kit/login_files.ts";
import { accepts, LOGIN, noProcessWith, processesWith } from "../kit/machine.ts";
import { eventually, ROOT, run, spawn } from "../kit/run.ts";
import { joinToken, startNode } from "../kit/second_node.ts";
import { Authenticator, PASSWORD, User } from "../kit/user.ts";

/** What the daemon has confirmed. */
interface Acknowledged {
  invitations: string[];
  tokens: string[];
  users: string[];
}

async function admin(daemon: Daemon): Promise<AdminConnection> {
  const { auth } = await daemon.addresses();
  return await connectAsAdmin(daemon.dataDir, auth?.port ?? 0);
}

/** Calls again and again until the daemon is gone; only what it answered counts. */
async function untilGone(work: (count: number) => Promise<void>): Promise<void> {
  try {
    for (let count = 0;; count++) await work(count);
  } catch {
    // The daemon was killed in the middle of this call: it was not acknowledged.
  }
}

async function completeSignup(port: number, token: string): Promise<void> {
  const proxy = { host: "127.0.0.1", port, insecure: true };
  const { otp_uri: uri } = await callWeb<{ otp_uri: string }>(proxy, "GET", `/webapi/users/invites/${token}`);
  const authenticator = new Authenticator(new URL(uri).searchParams.get("secret") ?? "");
  await callWeb(proxy, "POST", "/webapi/users", {
    invite_token: token,
    pass: PASSWORD,
    second_factor_token: await authenticator.code(),
  });
}

/** Writes from several connections at once, kills the daemon in the middle, and adds what was acknowledged. */
async function writeAndKill(daemon: Daemon, round: number, seen: Acknowledged): Promise<void> {
  const web = (await daemon.addresses()).proxyWeb?.port ?? 0;
  using first = await admin(daemon);
  using second = await admin(daemon);
  using third = await admin(daemon);
  let signedUp = 0;
  const work = [
    untilGone(async (count) => {
      const { token } = await first.api.call("users.invite", {
        name: `guest-${round}-${count}`,
        logins: ["guest"],
      });
      seen.invitations.push(token);
    }),
    untilGone(async () => {
      seen.tokens.push((await second.api.call("tokens.create", { roles: ["node"] })).token);
    }),
    untilGone(async (count) => {
      const name = `user-${round}-${count}`;
      const { token } = await third.api.call("users.invite", { name, logins: [name] });
      await completeSignup(web, token);
      seen.users.push(name);
      signedUp++;
    }),
  ];
  await eventually("two users to have signed up", () => signedUp >= 2 || undefined);
  await daemon.signal("SIGKILL");
  await Promise.all(work);
}

Deno.test("kill -9 in the middle of writes loses no acknowledged user, invitation, token or CA", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-crash-" });
  const seen: Acknowledged = { invitations: [], tokens: [], users: [] };
  try {
    let authorities: string | undefined;
    let joe: User | undefined;
    for (let round = 0; round < 3; round++) {
      await using daemon = await Daemon.start({ directory });
      {
        using connection = await admin(daemon);
        const now = JSON.stringify(await connection.api.call("authorities.list", {}));
        assertEquals(now, authorities ?? now, "the CAs are the same after the crash");
        authorities = now;
      }
      if (!joe) {
        joe = await daemon.user("joe", [LOGIN]);
        await joe.loginOk();
      }
      await writeAndKill(daemon, round, seen);
    }
    await using daemon = await Daemon.start({ directory });
    using connection = await admin(daemon);
    const users = new Set((await connection.api.call("users.list", {})).map(({ name }) => name));
    const tokens = new Set((await connection.api.call("tokens.list", {})).map(({ token }) => token));
    assert(seen.users.length >= 6 && seen.tokens.length > 10 && seen.invitations.length > 10);
    assertEquals(seen.users.filter((name) => !users.has(name)), []);
    assertEquals(seen.tokens.filter((token) => !tokens.has(token)), []);
    assertEquals(seen.invitations.filter((token) => !tokens.has(token)), []);
    assertEquals(JSON.stringify(await connection.api.call("authorities.list", {})), authorities);
    assert(users.has("joe"));
    // A password, a second factor and the audit log survived as well.
    const { proxyWeb } = await daemon.addresses();
    await joe?.loginOk([`--proxy=127.0.0.1:${proxyWeb?.port}`]);
    assert((await daemon.events()).some((event) => event.event === "user.create" && event.user === "joe"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** A daemon that makes single roles crash when it is told to. */
class CrashingDaemon implements AsyncDisposable {
  readonly reports: string[] = [];
  readonly #commands: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(readonly directory: string, readonly process: Deno.ChildProcess) {
    this.#commands = process.stdin.getWriter();
    void this.#listen();
    void process.stderr.cancel();
  }

  static async start(): Promise<CrashingDaemon> {
    const directory = await Deno.makeTempDir({ prefix: "teleport-crashing-" });
    const path = `${directory}/teleport.yaml`;
    const anywhere = "127.0.0.1:0";
    const configuration = stringify({
      teleport: { nodename: "alpha", data_dir: `${directory}/data` },
      auth_service: { cluster_name: "main", listen_addr: anywhere },
      ssh_service: { listen_addr: anywhere },
      proxy_service: {
        listen_addr: anywhere,
        web_listen_addr: anywhere,
        tunnel_listen_addr: anywhere,
        public_addr: anywhere,
      },
    });
    await Deno.writeTextFile(path, configuration);
    const script = `${ROOT}/tests/kit/controlled_daemon.ts`;
    const args = ["run", "-A", "-q", "--no-lock", `--config=${ROOT}/deno.json`, script, path];
    const daemon = new CrashingDaemon(directory, spawn(Deno.execPath(), args, { env: { HOME: directory } }));
    await eventually("the daemon to be ready", () => daemon.reports.includes("ready") || undefined, 30_000);
    return daemon;
  }

  async #listen(): Promise<void> {
    let rest = "";
    for await (const text of this.process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.reports.push(...lines.map((line): string => JSON.parse(line)));
    }
  }

  async user(name: string): Promise<User> {
    const { addresses } = JSON.parse(await Deno.readTextFile(`${this.directory}/data/daemon.json`));
    using connection = await connectAsAdmin(`${this.directory}/data`, addresses.auth.port);
    const { token } = await connection.api.call("users.invite", { name, logins: [LOGIN] });
    const proxy = `127.0.0.1:${addresses.proxyWeb.port}`;
    return await User.signUp({
      name,
      url: `https://${proxy}/web/newuser/${token}`,
      proxy,
      sshPort: addresses.proxySsh.port,
      home: `${this.directory}/home-${name}`,
      cluster: "main",
    });
  }

  /** Makes a role crash and waits until it runs again. @param expected what else is reported */
  async crash(role: Role, expected: RegExp[] = []): Promise<void> {
    const before = this.reports.length;
    await this.#commands.write(new TextEncoder().encode(`${role}\n`));
    await eventually(
      `${role} to run again`,
      () => this.reports.slice(before).includes(`${role}: is running again`) || undefined,
    );
    const crashed = this.reports.slice(before).find((text) => text.includes("crashed"));
    assertStringIncludes(crashed ?? "", `${role}: crashed and is started again`);
    const others = this.reports.slice(before).filter((text) => !text.startsWith(`${role}:`));
    assertEquals(others, [], "the other roles kept running");
    for (const pattern of expected) {
      await eventually(
        `a report like ${pattern}`,
        () => this.reports.slice(before).some((text) => pattern.test(text)) || undefined,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#commands.close();
    await this.process.status;
    await Deno.remove(this.directory, { recursive: true });
  }
}

Deno.test("a role that crashes comes back by itself, and the others keep running", async () => {
  await using cluster = await CrashingDaemon.start();
  const joe = await cluster.user("joe");
  await joe.loginOk();
  for (const role of ["auth", "node", "proxy"] as const) {
    const before = await connectAs(joe);
    const node = await before.node("alpha", 0, LOGIN);
    const session = await node.exec("cat");
    await cluster.crash(role);
    if (role === "auth") {
      // Sessions do not need auth: this one was open before and goes on.
      const echoed = new Promise((resolve) => session.stream.once("data", resolve));
      session.stream.write("still here\n");
      assertEquals(String(await echoed), "still here\n");
    }
    node.close();
    before.close();
    await eventually(`a login to the node after ${role} crashed`, async () => {
      const { code, stdout } = await joe.tsh(["ssh", `${LOGIN}@alpha`, "echo works"]);
      return code === 0 && stdout === "works\n" || undefined;
    }, 20_000);
  }
  await eventually(
    "tsh ls to show the node",
    async () => (await joe.tsh(["ls"])).stdout.includes("alpha") || undefined,
  );
  await joe.loginOk(["--ttl=5"]);
});

/** A number that is in the command line of nothing else on this machine. */
function unusual(): string {
  return `32${crypto.getRandomValues(new Uint32Array(1))[0]}`;
}

Deno.test("a node Worker that crashes leaves no program of a client behind", async () => {
  await using cluster = await CrashingDaemon.start();
  const joe = await cluster.user("joe");
  await joe.loginOk();
  const number = unusual();
  const client = await connectAs(joe);
  const node = await client.node("alpha", 0, LOGIN);
  await node.exec(`sleep ${number} & sleep ${number}; true`);
  const pty = { columns: 80, rows: 24, width: 0, height: 0, term: "xterm", modes: new Map() };
  const shell = await node.shell({ pty });
  shell.stream.write(`sleep ${number}\n`);
  await eventually(
    "three programs",
    async () => (await processesWith(`sleep ${number}`)).length >= 3 || undefined,
  );
  await cluster.crash("node", [/^node: ended [23] programs of clients that were left$/]);
  await noProcessWith(number);
  client.close();
});

Deno.test("recordings and events that a killed node had not delivered are delivered by the next one", async () => {
  await using cluster = await Daemon.start({ node: { enabled: "no" } });
  const directory = await Deno.makeTempDir({ prefix: "teleport-killed-node-" });
  try {
    const joe = await cluster.user("joe", [LOGIN]);
    await joe.loginOk();
    const options = { nodename: "beta", directory };
    const node = await startNode(cluster, { ...options, token: await joinToken(cluster) });
    const client = await connectAs(joe);
    const beta = await client.node("beta", 0, LOGIN);
    const pty = { columns: 80, rows: 24, width: 0, height: 0, term: "xterm", modes: new Map() };
    const shell = await beta.exec("echo before; read line; echo after $line; read line", { pty });
    let seen = "";
    shell.stream.on("data", (data: Uint8Array) => seen += new TextDecoder().decode(data));
    const { sid } = await cluster.event("session.start");
    await eventually("the first line", () => seen.includes("before") || undefined);
    let stranger = "";
    // Auth is stopped for a while, so that the node has to keep what happens now.
    const auth = await cluster.pid();
    Deno.kill(auth, "SIGSTOP");
    try {
      const { node: address } = await node.addresses();
      const key = `${directory}/key`; // which no CA has signed
      assertEquals((await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key])).code, 0);
      const login = `stranger-${unusual()}`;
      await run("ssh", [
        ...["-F", "none", "-i", key, "-o", "IdentitiesOnly=yes"],
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-p",
        `${address?.port}`,
        `${login}@127.0.0.1`,
      ]);
      await eventually("the event on disk", async () => {
        const [run] = [...Deno.readDirSync(`${node.dataDir}/node/runs`)];
        const path = `${node.dataDir}/node/runs/${run?.name}/events.spool`;
        return (await Deno.readTextFile(path).catch(() => "")).includes(login) || undefined;
      });
      stranger = login;
      Deno.kill(await node.pid(), "SIGKILL");
      await node.ended;
    } finally {
      Deno.kill(auth, "SIGCONT");
    }
    client.close();
    await using _again = await startNode(cluster, options);
    await cluster.event("auth", (event) => event.login === stranger);
    const end = await cluster.event("session.end", (event) => event.sid === sid);
    assertEquals([end.user, end.login, end.interrupted], ["joe", LOGIN, true]);
    const played = await eventually("the recording", async () => {
      const { code, stdout } = await joe.tsh(["play", "--raw", String(sid)]);
      return code === 0 && stdout.includes("before") ? stdout : undefined;
    });
    assertStringIncludes(played, "before");
    assertStringIncludes(
      await cluster.tctlOk("recordings", "verify", String(sid)),
      "unchanged, signed by host",
    );
    await eventually(
      "nothing to be left",
      () => [...Deno.readDirSync(`${directory}/data/node/runs`)].length === 1,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("kill -9 of the daemon ends the commands of its clients", async () => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe", [LOGIN]);
  await joe.loginOk();
  const client = await connectAs(joe);
  const node = await client.node("alpha", 0, LOGIN);
  const number = unusual();
  await node.exec(`exec sleep ${number}`);
  await eventually("the command", async () => (await processesWith(number)).length > 0 || undefined);
  await daemon.signal("SIGKILL");
  await noProcessWith(number);
  client.close();
});

/** Stops a busy daemon with a signal and looks at what is left. */
async function stopsWithin(signal: "SIGTERM" | "SIGINT"): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "teleport-signal-" });
  try {
    const pidFile = `${directory}/teleport.pid`;
    await using daemon = await Daemon.spawn({ directory, teleport: { pid_file: pidFile } });
    await daemon.ready();
    const pid = await eventually("the pid file", async () => {
      try {
        return await Deno.readTextFile(pidFile) || undefined;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    });
    assertEquals(Number(pid), await daemon.pid());
    const joe = await daemon.user("joe", [LOGIN]);
    await joe.loginOk();
    const client = await connectAs(joe);
    const node = await client.node("alpha", 0, LOGIN);
    await node.shell({
      pty: { columns: 80, rows: 24, width: 0, height: 0, term: "xterm", modes: new Map() },
    });
    const number = `32${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    await node.exec(`sleep ${number} & sleep ${number}`);
    await eventually(
      "the command to run",
      async () => (await processesWith(number)).length > 0 || undefined,
    );
    const addresses = await daemon.addresses();
    const start = performance.now();
    await daemon.signal(signal);
    const took = performance.now() - start;
    client.close();
    assert(took < 2000, `it took ${took} ms`);
    assertEquals(await daemon.ended, 0);
    for (const address of Object.values(addresses)) assertEquals(await accepts(address.port), false);
    assertEquals(await Deno.stat(pidFile).then(() => true, () => false), false);
    await noProcessWith(number);
    assertEquals(daemon.stderr.includes("panicked"), false);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("TERM ends the daemon within two seconds, frees its ports and removes the pid file", async () => {
  await stopsWithin("SIGTERM");
});

Deno.test("INT ends the daemon within two seconds, frees its ports and removes the pid file", async () => {
  await stopsWithin("SIGINT");
});

Deno.test("a signal while the daemon still starts ends it too", async () => {
  await using daemon = await Daemon.spawn();
  await eventually("the first word of the daemon", () => daemon.stdout.includes("starting on") || undefined);
  daemon.process.kill("SIGTERM");
  const code = await daemon.ended;
  assertEquals(code, 0);
});
