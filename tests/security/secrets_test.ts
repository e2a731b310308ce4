import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { authorityKeys } from "../kit/admin.ts";
import { Daemon } from "../kit/cluster.ts";
import { commandLines, LOGIN } from "../kit/machine.ts";
import { joinToken, spawnNode } from "../kit/second_node.ts";
import { Authenticator, PASSWORD, User } from "../kit/user.ts";
import { formatPrivateKey } from "../../src/ssh/private_key.ts";

/** Collects every command line that is seen while a test runs. */
class ProcessWatch implements AsyncDisposable {
  readonly seen = new Set<string>();
  #over = false;
  readonly #watching = this.#watch();

  async #watch(): Promise<void> {
    while (!this.#over) {
      for (const line of (await commandLines()).values()) this.seen.add(line);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await this.#watching;
  }
}

/** The lines of a PEM-like private key that hold key material. */
function keyLines(text: string): string[] {
  return text.split("\n").filter((line) => /^[A-Za-z0-9+/=]{40,}$/.test(line)).slice(1); // the first line is common
}

/** Undefined for a file that a running daemon has removed meanwhile. */
async function unlessGone<T>(looked: Promise<T>): Promise<T | undefined> {
  try {
    return await looked;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Every text file below a directory. */
async function* files(
  directory: string,
): AsyncGenerator<{ path: string; mode: number; isDirectory: boolean }> {
  for (const entry of await unlessGone(Array.fromAsync(Deno.readDir(directory))) ?? []) {
    const path = `${directory}/${entry.name}`;
    const info = entry.isSymlink ? undefined : await unlessGone(Deno.stat(path));
    if (!info) continue;
    yield { path, mode: (info.mode ?? 0) & 0o777, isDirectory: entry.isDirectory };
    if (entry.isDirectory) yield* files(path);
  }
}

/** A person who types the wrong things. */
async function failToLogIn(user: User): Promise<string> {
  const attempts = [
    `${PASSWORD}\n000000\n`,
    `not the password at all\n${await user.authenticator.code()}\n`,
  ];
  let told = "";
  for (const stdin of attempts) {
    const result = await user.tsh(
      ["-d", "login", `--proxy=${user.options.proxy}`, `--user=${user.name}`, "--insecure"],
      { stdin },
    );
    assertEquals(result.code, 1);
    told += result.stdout + result.stderr;
  }
  return told;
}

Deno.test("no password, code, key, second factor or token is shown in logs, events, process lists or errors", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-secrets-" });
  const codes: string[] = [];
  const original = Authenticator.prototype.code;
  Authenticator.prototype.code = async function (this: Authenticator) {
    const code = await original.call(this);
    codes.push(code);
    return code;
  };
  try {
    const secrets = new Map<string, string>();
    const places = new Map<string, string>();
    {
      await using watch = new ProcessWatch();
      await using daemon = await Daemon.start({ directory, args: ["-d"] });
      await using nodeDirectory = await temporaryDirectory();
      const joe = await daemon.user("joe", [LOGIN]);
      secrets.set("joe's invitation", joe.options.url.slice(joe.options.url.lastIndexOf("/") + 1));
      secrets.set("joe's second factor", joe.authenticator.secret);
      secrets.set("joe's password", PASSWORD);
      secrets.set("a wrong password", "not the password at all");
      await joe.loginOk(["-d"]);
      const ann = await daemon.user("ann", [LOGIN]);
      secrets.set("ann's second factor", ann.authenticator.secret);
      places.set("what tsh says of failed logins", await failToLogIn(ann));

      const token = await joinToken(daemon);
      secrets.set("the join token", token);
      const tokenFile = `${nodeDirectory.path}/token`;
      await Deno.writeTextFile(tokenFile, `${token}\n`, { mode: 0o600 });
      const node = await spawnNode(daemon, {
        nodename: "beta",
        token: tokenFile,
        directory: nodeDirectory.path,
        args: ["-d"],
      });
      await node.ready();
      const session = await joe.tsh(["-d", "ssh", "-t", `${LOGIN}@alpha`, "echo hello"]);
      assertEquals(session.code, 0);
      places.set("what tsh says of a session", session.stdout + session.stderr);
      await daemon.event("session.end");
      const wrong = await daemon.tctl("-d", "tokens", "del", `${token.slice(0, -1)}x`);
      places.set("what tctl says", wrong.stdout + wrong.stderr);
      places.set("tctl events", await daemon.tctlOk("events", "--format=json", "--limit=1000"));
      await node.stop();
      places.set("the node's output", node.stdout + node.stderr);
      places.set("the daemon's state", await Deno.readTextFile(`${daemon.dataDir}/daemon.json`));
      for (const name of ["auth/admin", "proxy/identity", "node/identity"]) {
        const { key } = JSON.parse(await Deno.readTextFile(`${daemon.dataDir}/${name}.json`));
        keyLines(String(key)).forEach((line, i) => secrets.set(`${name} key, line ${i}`, line));
      }
      keyLines(await Deno.readTextFile(joe.keyFile)).forEach((line, i) =>
        secrets.set(`joe's key, line ${i}`, line)
      );
      const https = await Deno.readTextFile(`${daemon.dataDir}/proxy/webproxy_key.pem`);
      keyLines(https).forEach((line, i) => secrets.set(`the HTTPS key, line ${i}`, line));
      await daemon.stop();
      places.set("the daemon's output", daemon.stdout + daemon.stderr);
      places.set("command lines", [...watch.seen].join("\n"));
      assert(watch.seen.size > 10, "the process list was watched");
    }
    for await (const { path, isDirectory } of files(`${directory}/data/log`)) {
      const text = isDirectory ? undefined : await unlessGone(Deno.readTextFile(path));
      if (text !== undefined) places.set(`the file ${path}`, text);
    }
    for (const [kind, key] of Object.entries(await authorityKeys(`${directory}/data`))) {
      keyLines(formatPrivateKey(key)).forEach((line, i) => secrets.set(`the ${kind} CA, line ${i}`, line));
    }
    assert(
      [...secrets.keys()].filter((name) => / key, | CA, /.test(name)).length >= 8,
      "keys were found to look for",
    );
    assertStringIncludes(places.get("the daemon's output") ?? "", "DEBUG");

    for (const [place, text] of places) {
      for (const [secret, value] of secrets) {
        assert(value.length >= 16, `${secret} is long enough to look for`);
        assertEquals(text.includes(value), false, `${secret} is in ${place}`);
        assertEquals(text.includes(btoa(value)), false, `${secret} is in ${place}, as base64`);
      }
      // Six digits alone also happen in times and ids.
      for (const code of codes) {
        assert(!new RegExp(`(?<![0-9a-f.:-])${code}(?![0-9a-f-])`, "i").test(text), `a code in ${place}`);
      }
    }
  } finally {
    Authenticator.prototype.code = original;
    await Deno.remove(directory, { recursive: true });
  }
});

async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "teleport-secrets-node-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("nobody else on the machine can read what daemon and client keep", async () => {
  const before = Deno.umask(0); // the loosest the outside can be
  try {
    await using folder = await temporaryDirectory();
    await Deno.mkdir(`${folder.path}/data`, { mode: 0o777 }); // it is tightened at the start
    await using daemon = await Daemon.start({ directory: folder.path });
    const joe = await daemon.user("joe", [LOGIN]);
    await joe.loginOk();
    const identity = `${daemon.directory}/joe.pem`;
    await Deno.writeTextFile(identity, "an older file, open to all\n", { mode: 0o666 });
    await joe.loginOk([`--out=${identity}`]);
    await joe.tsh(["ssh", "-t", `${LOGIN}@alpha`, "true"]);
    await daemon.event("session.end");

    const mode = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;
    assertEquals(await mode(daemon.dataDir), 0o700);
    for (const role of ["auth", "proxy", "node"]) {
      assertEquals(await mode(`${daemon.dataDir}/${role}`), 0o700);
    }
    for await (const { path, mode: bits, isDirectory } of files(daemon.dataDir)) {
      if (isDirectory) assertEquals(bits & 0o027, 0, `${path} ${bits.toString(8)}`);
      else if (/\.(?:json|pem)$|host_uuid|spool/.test(path)) {
        assertEquals(bits, 0o600, `${path} ${bits.toString(8)}`);
      } else if (!path.includes("/store.sqlite")) {
        assertEquals(bits & 0o007, 0, `${path} ${bits.toString(8)}`);
      }
    }
    const home = `${joe.options.home}/.tsh`;
    assertEquals(await mode(home), 0o700);
    for await (const { path, mode: bits, isDirectory } of files(home)) {
      assertEquals(bits, isDirectory ? 0o700 : 0o600, path);
    }
    assertEquals(await mode(identity), 0o600);
    assertMatch(await Deno.readTextFile(identity), /^-----BEGIN OPENSSH PRIVATE KEY/);
  } finally {
    Deno.umask(before);
  }
});
