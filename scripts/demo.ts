/**
 * `deno task demo`: the main job of this product, done for real on free loopback ports in a temporary folder: a line for
 * each step as it happens, exit 0 only if every one was right, nothing left behind.
 * @module
 */
import { Daemon } from "../tests/kit/cluster.ts";
import type { Result } from "../tests/kit/run.ts";
import { withPlainShell } from "../tests/kit/plain_shell.ts";
import type { User } from "../tests/kit/user.ts";
import { ensure, SSH } from "./prerequisites.ts";

const started = performance.now();
let step = 0;

/** Runs one step and tells how it went; what it returns is shown. */
async function show<T>(what: string, run: () => Promise<{ value: T; detail: string }>): Promise<T> {
  const began = performance.now();
  const { value, detail } = await run();
  const time = `${((performance.now() - began) / 1000).toFixed(1)} s`;
  console.log(`${String(++step).padStart(2)}. ${what.padEnd(46)} ${detail} (${time})`);
  return value;
}

function must(condition: unknown, problem: string): asserts condition {
  if (!condition) throw new Error(problem);
}

function ok(result: Result, what: string, code = 0): Result {
  must(
    result.code === code,
    `${what} ended with ${result.code}, not ${code}: ${result.stderr || result.stdout}`,
  );
  return result;
}

const login = Deno.env.get("USER") || Deno.env.get("LOGNAME") || (Deno.uid() === 0 ? "root" : "");
const MARK = "the quick brown fox";

async function demo(daemon: Daemon): Promise<void> {
  const invite = await show("tctl invites a user", async () => {
    const { url } = JSON.parse(await daemon.tctlOk("users", "add", "joe", login, "--format=json"));
    return { value: url as string, detail: url.replace(/[0-9a-f]{24}$/, "...") };
  });
  const joe = await show("the user signs up over HTTPS with a TOTP code", async () => {
    const user = await daemon.signUp("joe", invite);
    const users = JSON.parse(await daemon.tctlOk("users", "ls", "--format=json"));
    must(users[0]?.name === "joe", "the user is not listed");
    return { value: user, detail: `joe may log in as ${login}` };
  });
  await show("tsh login", async () => {
    const { stdout } = await joe.loginOk();
    return { value: undefined, detail: /Valid until: .*(\[.*\])/.exec(stdout)?.[1] ?? "" };
  });
  await show("tsh ls", async () => {
    const nodes = JSON.parse(ok(await joe.tsh(["ls", "--format=json"]), "tsh ls").stdout);
    must(nodes.length === 1 && nodes[0].name === "demo-node", "the node is not listed");
    return { value: undefined, detail: `${nodes[0].name} ${nodes[0].address}` };
  });
  await show("tsh ssh runs a command", async () => {
    const result = ok(await joe.tsh(["ssh", `${login}@demo-node`, "id -un; exit 7"]), "the command", 7);
    must(result.stdout.trim() === login, `ran as ${result.stdout}`);
    return { value: undefined, detail: `ran as ${login}, exit status 7 came back` };
  });
  await show("tsh ssh opens a terminal", async () => {
    const script = `tty; echo ${MARK}; exit 3`;
    const result = ok(await joe.tsh(["ssh", "-t", `${login}@demo-node`, script]), "the terminal", 3);
    must(result.stdout.includes(MARK) && /\/dev\/pts\/\d+/.test(result.stdout), "no terminal was opened");
    return { value: undefined, detail: result.stdout.split("\r\n")[0] ?? "" };
  });
  await show("stock ssh goes through the proxy", async () => {
    const result = ok(await joe.ssh(`${login}@demo-node`, `echo ${MARK}`), "ssh");
    must(result.stdout === `${MARK}\n`, "stock ssh showed something else");
    return { value: undefined, detail: "host certificate verified, certificate accepted" };
  });
  await audit(daemon, joe);
}

async function audit(daemon: Daemon, joe: User): Promise<void> {
  const end = await show("the audit log has it all", async () => {
    const ended = await daemon.event("session.end");
    await daemon.event("exec", (event) => event.exitCode === 7);
    const events = await daemon.events();
    for (const name of ["user.invite", "user.create", "user.login", "session.start", "auth"]) {
      must(events.some((event) => event.event === name), `event ${name} is missing`);
    }
    must(ended.exitCode === 3 && ended.user === "joe", "the session's end is not what happened");
    return { value: ended, detail: `${events.length} events, the last session ended with ${ended.exitCode}` };
  });
  await show("tsh play replays the recording", async () => {
    const sid = String(end.sid);
    const played = ok(await joe.tsh(["play", "--raw", sid]), "tsh play").bytes;
    const stored = await Deno.readFile(`${daemon.dataDir}/log/sessions/default/${sid}.session.bytes`);
    must(
      played.length === stored.length && played.every((byte, i) => byte === stored[i]),
      "the bytes differ",
    );
    must(new TextDecoder().decode(played).includes(MARK), "the recording lacks what was shown");
    return { value: undefined, detail: `${played.length} bytes, equal to the file on the auth server` };
  });
}

const again = await withPlainShell("scripts/demo.ts", Deno.args);
if (again !== undefined) Deno.exit(again);
const missing = await ensure([SSH]);
if (missing.length > 0) {
  console.error(`the demo needs OpenSSH's client: install the package ${missing.join(", ")}`);
  Deno.exit(1);
}
const daemon = await show("teleport start: auth, proxy and node", async () => {
  const value = await Daemon.start({ nodename: "demo-node" });
  const { auth, proxySsh, proxyWeb, node } = await value.addresses();
  const ports = [auth, proxySsh, proxyWeb, node].map((address) => address?.port).join(", ");
  return { value, detail: `listening on 127.0.0.1, ports ${ports}` };
});
let failure: unknown;
const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => reject(new Error("interrupted")));
  }
});
try {
  await Promise.race([demo(daemon), interrupted]);
} catch (error) {
  failure = error;
} finally {
  await daemon.stop();
}
if (failure !== undefined) {
  console.error(`\nFAILED: ${failure instanceof Error ? failure.message : failure}\n${daemon.stderr}`);
  Deno.exit(1);
}
console.log(
  `\nAll of it worked, in ${((performance.now() - started) / 1000).toFixed(1)} s; nothing is left running.`,
);
Deno.exit(0);
