/**
 * What a user may try on a node by way of its files: to reach more than the login can, to take the place of the process
 * that serves them, to go unnoticed.
 */
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { Duplex } from "node:stream";
import { AppError } from "../../src/base/errors.ts";
import { FILES_PART, ownProgram } from "../../src/daemon/own_program.ts";
import { formatPlan, type HelperPlan } from "../../src/node/files/plan.ts";
import { launchOwn } from "../../src/node/os/launch.ts";
import { lookupUser } from "../../src/node/os/user.ts";
import { SftpClient } from "../../src/ssh/sftp/client.ts";
import { OpenFlag } from "../../src/ssh/sftp/protocol.ts";
import type { SshClient } from "../../src/ssh/client.ts";
import { withoutRoot } from "../kit/machine.ts";
import { TemporaryUser } from "../kit/os_account.ts";
import { eventually, ROOT, run } from "../kit/run.ts";
import { startTestNode, type TestNode } from "../kit/test_node.ts";

const { READ, WRITE, CREATE, TRUNCATE } = OpenFlag;
const encoder = new TextEncoder();

interface Session extends AsyncDisposable {
  ssh: SshClient;
  sftp: SftpClient;
  /** The process that serves it. */
  pid: number;
}

/** The processes of ours that serve files and are this process's children. */
async function helpersOf(parent: number): Promise<number[]> {
  const { stdout } = await run("pgrep", ["-P", `${parent}`, "-f", "teleport sftp-server"]);
  return stdout.split("\n").filter(Boolean).map(Number);
}

async function openSftp(node: TestNode, login: string): Promise<Session> {
  const before = await helpersOf(Deno.pid);
  const ssh = await node.client(login);
  const session = await ssh.subsystem("sftp");
  session.stderr.resume();
  const sftp = await SftpClient.start(session.stream);
  const [pid] = (await helpersOf(Deno.pid)).filter((pid) => !before.includes(pid));
  if (pid === undefined) throw new Error("no process serves the session");
  return {
    ssh,
    sftp,
    pid,
    async [Symbol.asyncDispose]() {
      sftp.close();
      await session.exit;
      ssh.close();
      await ssh.closed;
    },
  };
}

function status(pid: number, thread = pid): Map<string, string> {
  const text = Deno.readTextFileSync(`/proc/${pid}/task/${thread}/status`);
  return new Map(text.split("\n").map((line) => line.split(":\t", 2) as [string, string]));
}

const ids = (fields: Map<string, string>, name: string) => fields.get(name)?.trim().split(/\s+/).map(Number);

Deno.test("the process that serves files has given up root, in every thread and for good", {
  ignore: withoutRoot("sessions as another user"),
}, async () => {
  await using account = await TemporaryUser.create("tpdrop", ["audio", "games"]);
  await using node = await startTestNode();
  await using session = await openSftp(node, account.name);
  const user = lookupUser(account.name);
  assert(user);
  const threads = [...Deno.readDirSync(`/proc/${session.pid}/task`)].map(({ name }) => Number(name));
  assert(threads.length > 1);
  for (const thread of threads) {
    const fields = status(session.pid, thread);
    assertEquals(ids(fields, "Uid"), Array(4).fill(user.uid));
    assertEquals(ids(fields, "Gid"), Array(4).fill(user.gid));
    assertEquals(ids(fields, "Groups")?.sort(), [...user.groups].sort());
    for (const name of ["CapEff", "CapPrm", "CapAmb"]) assertMatch(fields.get(name) ?? "", /^0+$/);
  }
  assertEquals(status(session.pid).get("NoNewPrivs"), "1");
  assertEquals(status(session.pid).get("Umask"), "0022");
  // What it holds open of before: pipes and the runtime's own, no file of root's.
  for (const { name } of Deno.readDirSync(`/proc/${session.pid}/fd`)) {
    const link = await Deno.readLink(`/proc/${session.pid}/fd/${name}`);
    assertMatch(link, /^(?:pipe:|socket:|anon_inode:|\/dev\/null$)/);
  }
  const environment = await Deno.readTextFile(`/proc/${session.pid}/environ`);
  assertEquals(environment.includes("SSH_"), false);
  assertEquals(await Deno.readLink(`/proc/${session.pid}/cwd`), account.home);
});

Deno.test("a session as root stays root, one of an ordinary daemon stays who it is", {
  ignore: withoutRoot("sessions as root"),
}, async () => {
  await using node = await startTestNode();
  await using session = await openSftp(node, "root");
  assertEquals(ids(status(session.pid), "Uid"), [0, 0, 0, 0]);
  assertEquals(status(session.pid).get("NoNewPrivs"), "1");
});

Deno.test("other programs of the user cannot look into the process, which writes the audit log", {
  ignore: withoutRoot("sessions as another user"),
}, async () => {
  await using account = await TemporaryUser.create("tppeek");
  await using node = await startTestNode();
  await using session = await openSftp(node, account.name);
  const become = [`--reuid=${account.name}`, `--regid=${account.name}`, "--clear-groups"];
  for (const path of ["mem", "environ", "fd/3", "maps", "root/etc/passwd"]) {
    const { code, stderr } = await run("setpriv", [...become, "head", "-c1", `/proc/${session.pid}/${path}`]);
    assertEquals([code, /Permission denied/.test(stderr)], [1, true], `${path}: ${stderr}`);
  }
  const write = `echo '{"type":"done"}' > /proc/${session.pid}/fd/3`;
  assertMatch((await run("setpriv", [...become, "sh", "-c", write])).stderr, /Permission denied/);
});

Deno.test("by sftp a login reaches what it could reach in a shell, and nothing else", {
  ignore: withoutRoot("sessions as another user"),
}, async () => {
  await using account = await TemporaryUser.create("tppath");
  await using node = await startTestNode();
  await using session = await openSftp(node, account.name);
  const { sftp } = session;
  await using other = await TemporaryUser.create("tpother");
  await Deno.writeTextFile(`${other.home}/secret`, "secret");
  await Deno.chmod(other.home, 0o700);

  await sftp.symbolicLink("/etc/shadow", "shadow");
  await sftp.symbolicLink("/", "slash");
  await sftp.symbolicLink(`/proc/${Deno.pid}`, "daemon");
  const paths = [
    "/etc/shadow",
    "shadow",
    "slash/etc/shadow",
    "../../../../../../etc/shadow",
    "/etc/../etc/./shadow",
    "/proc/self/root/etc/shadow",
    "/proc/1/environ",
    "/proc/1/mem",
    `/proc/${Deno.pid}/environ`,
    `/proc/${Deno.pid}/mem`,
    `/proc/${Deno.pid}/fd/0`,
    "daemon/environ",
    "daemon/maps",
    "/root/.ssh/id_ed25519",
    "/proc/self/mem",
    "/proc/self/environ",
    "/proc/self/fd/3",
    "/dev/fd/3",
    "/proc/kcore",
    "/dev/mem",
    "/dev/sda",
    "/boot/../etc/gshadow",
    `${other.home}/secret`,
  ];
  const refusal = /permission denied|no such file|not permitted|is a directory/i;
  for (const path of paths) {
    for (const flags of [READ, WRITE, READ | WRITE, WRITE | CREATE | TRUNCATE]) {
      const opened = await sftp.open(path, flags).catch((error) => String(error));
      assert(typeof opened === "string" && refusal.test(opened), `open ${path} for ${flags}: ${opened}`);
    }
  }
  const changes: [string, () => Promise<unknown>][] = [
    ["write a file of root's", () => sftp.open("/etc/passwd", WRITE)],
    ["make a file in /etc", () => sftp.open("/etc/cron.d/evil", WRITE | CREATE)],
    ["make a file in another home", () => sftp.open(`${other.home}/evil`, WRITE | CREATE)],
    ["remove a file of root's", () => sftp.remove("/etc/hostname")],
    ["rename a file of root's", () => sftp.rename("/etc/hostname", "mine")],
    ["change a mode", () => sftp.setAttributes("/etc/shadow", { mode: 0o666 })],
    ["change a mode through a link", () => sftp.setAttributes("shadow", { mode: 0o666 })],
    [
      "own a file",
      () => sftp.setAttributes("/etc/shadow", { owner: { uid: account.uid, gid: account.uid } }),
    ],
    ["give a file away", () => sftp.setAttributes("shadow", { owner: { uid: 0, gid: 0 } })],
    ["truncate a file", () => sftp.setAttributes("/etc/passwd", { size: 0 })],
    ["list root's home", () => Array.fromAsync(sftp.list("/root"))],
    ["list another home", () => Array.fromAsync(sftp.list(other.home))],
    ["list the descriptors of the daemon", () => Array.fromAsync(sftp.list(`/proc/${Deno.pid}/fd`))],
    ["read a link of the daemon", () => sftp.readLink(`/proc/${Deno.pid}/exe`)],
  ];
  for (const [what, attempt] of changes) {
    const error = await assertRejects(attempt, AppError, undefined, what);
    assertMatch(error.message, refusal, what);
  }
  // A link to a file of another may be made, where the system allows it at all, but opens nothing.
  await sftp.hardLink("/etc/shadow", "hard").catch(() => {});
  await assertRejects(() => sftp.open("hard"), AppError);

  const denied = (path: string) =>
    node.events.some((event) =>
      event.event === "sftp" && event.path === path && event.success === false && event.login === account.name
    );
  for (const path of ["/etc/shadow", `${account.home}/shadow`, `${other.home}/secret`, "/root", other.home]) {
    assert(denied(path), `no event of the refusal of ${path}`);
  }
});

Deno.test("not even root writes the reports of the process that serves him", {
  ignore: withoutRoot("sessions as root"),
}, async () => {
  await using node = await startTestNode();
  await using session = await openSftp(node, "root");
  const directory = await Deno.makeTempDir();
  try {
    await Deno.symlink("/proc/self/fd/3", `${directory}/reports`);
    for (const path of ["/proc/self/fd/3", "/proc/thread-self/fd/3", "/dev/fd/3", `${directory}/reports`]) {
      await assertRejects(() => session.sftp.open(path, WRITE), AppError, "permission denied", path);
    }
    await assertRejects(() => session.sftp.open("/proc/self/fd/4"), AppError, "no such file");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("by scp a login reaches what it could reach in a shell, and nothing else", {
  ignore: withoutRoot("sessions as another user"),
}, async () => {
  await using account = await TemporaryUser.create("tpscp");
  await using node = await startTestNode();
  const ssh = await node.client(account.name);
  const scp = async (command: string, input: string) => {
    const session = await ssh.exec(command);
    let text = "";
    session.stream.on("data", (piece) => text += piece);
    session.stderr.resume();
    session.stream.end(encoder.encode(input));
    const status = await session.exit;
    return { text, ...status };
  };
  await Deno.symlink("/etc/shadow", `${account.home}/shadow`);
  await Deno.symlink("/etc", `${account.home}/etc`);
  for (
    const path of [
      "/etc/shadow",
      "shadow",
      "~/etc/shadow",
      "../../../etc/shadow",
      "/proc/1/environ",
      "/root/x",
    ]
  ) {
    const { text, code } = await scp(`scp -f ${path}`, "\0".repeat(8));
    assertEquals([code, /Permission denied|No such file/.test(text)], [1, true], `${path}: ${text}`);
    assertEquals(text.includes("root:"), false);
  }
  for (const path of ["/etc", "etc", "~/shadow", "/root", "/etc/passwd", "/proc/self/fd/3"]) {
    const { text, code } = await scp(`scp -r -t ${path}`, "C0644 5 evil\nevil\n\0");
    assertEquals(code, 1, `${path}: ${text}`);
  }
  for (const name of ["..", "../evil", "/etc/evil", "a/b", ""]) {
    const { text, code } = await scp("scp -r -t .", `D0755 0 ${name}\nE\n`);
    assertEquals([code, text.includes("unexpected filename")], [1, true], name);
  }
  assertEquals((await run("test", ["-e", "/etc/evil"])).code, 1);
  const { text } = await scp("scp -t new", "C4755 1 new\nx\0");
  assertEquals(text, "\0\0\0");
  assertEquals(((await Deno.stat(`${account.home}/new`)).mode ?? 0) & 0o7777, 0o755);
  const refused = node.events.filter(({ event, success }) => event === "scp" && success === false);
  assert(refused.some(({ path, action }) => path === "/etc/shadow" && action === "read"));
  assert(refused.some(({ path, action }) => path === "/etc/evil" && action === "write"));
  ssh.close();
});

Deno.test("the user's shell expands names as the user, and what it says comes to the user", {
  ignore: withoutRoot("sessions as another user"),
}, async () => {
  await using account = await TemporaryUser.create("tpshell");
  await using node = await startTestNode();
  const ssh = await node.client(account.name);
  const scp = async (command: string) => {
    const session = await ssh.exec(command);
    const said = { text: "", errors: "" };
    session.stream.on("data", (piece) => said.text += piece);
    session.stderr.on("data", (piece) => said.errors += piece);
    session.stream.end(encoder.encode("\0\0\0\0"));
    const status = await session.exit;
    return { ...said, ...status };
  };
  await Deno.writeTextFile(`${account.home}/a b;c`, "odd");
  await Deno.chmod(`${account.home}/a b;c`, 0o644);
  assertStringIncludes((await scp("scp -f 'a b;c'")).text, "C0644 3 a b;c\nodd");
  assertStringIncludes((await scp('scp -f "$HOME/a b;c"')).text, "C0644 3 a b;c\nodd");
  assertStringIncludes((await scp("scp -f a\\ b*")).text, "C0644 3 a b;c\nodd");
  assertStringIncludes((await scp("scp -f ~/a*")).text, "C0644 3 a b;c\nodd");
  assertStringIncludes((await scp("scp -f /root/*")).text, "/root/*: Permission denied");
  const broken = await scp("scp -f ${x:?is not set}");
  assertStringIncludes(broken.errors, "is not set");
  assertEquals(broken.code, 2);
  await run("usermod", ["-s", "/usr/sbin/nologin", account.name]);
  const locked = await scp("scp -f a*");
  assertEquals([locked.code, locked.text.includes("odd")], [1, false]);
  ssh.close();
});

Deno.test("the program started by hand becomes nobody, whatever plan it is given", {
  ignore: withoutRoot("programs as another user"),
}, async () => {
  await using account = await TemporaryUser.create("tphand");
  const directory = await Deno.makeTempDir();
  try {
    await Deno.chmod(directory, 0o755);
    const { path, argv, env } = ownProgram(FILES_PART);
    // The user has a copy of the program; the modules are where the sources are.
    await Deno.mkdir(`${directory}/source`);
    await run("cp", ["-r", `${ROOT}/src`, `${ROOT}/cli`, `${directory}/source`]);
    const args = argv.slice(1).map((arg) => arg.replace(`file://${ROOT}`, `${directory}/source`));
    const become = [`--reuid=${account.name}`, `--regid=${account.name}`, "--clear-groups"];
    const attempt = async (plan: HelperPlan | undefined) => {
      if (plan) await Deno.writeFile(`${directory}/plan`, formatPlan(plan));
      const files = `3>/dev/null 4<${plan ? `${directory}/plan` : "&-"}`;
      const shell = `exec "$@" ${files}`;
      return await run("setpriv", [...become, "sh", "-c", shell, "sh", path, ...args], { env, stdin: "" });
    };
    const task: HelperPlan["task"] = { type: "sftp", options: { readOnly: false, denied: [] } };
    for (const uid of [0, 1]) {
      const { code, stderr } = await attempt({ user: { uid, gid: uid, groups: [uid] }, home: "/", task });
      assertEquals(code, 126, stderr);
      assertStringIncludes(stderr, `should be user ${uid}:${uid} and is ${account.uid}`);
    }
    const alone = await attempt(undefined);
    assertEquals(alone.code, 126);
    assertStringIncludes(alone.stderr, "started by the node, not by hand");
    assertEquals((await attempt({ home: "/", task })).code, 0); // as the user that he is anyway
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("nothing that a client sends reaches the start of the process", {
  ignore: withoutRoot("to see the environment of the process that serves files"),
}, async () => {
  await using node = await startTestNode();
  const ssh = await node.client();
  for (const name of ["sftp-server", "sftp --user=0", "SFTP", "../sftp", "sftp\0", ""]) {
    await assertRejects(() => ssh.subsystem(name), AppError, undefined, name);
  }
  ssh.close();
  const evil = {
    LD_PRELOAD: "/tmp/evil.so",
    DENO_DIR: "/tmp/evil",
    DENO_V8_FLAGS: "--evil",
    NODE_OPTIONS: "--evil",
  };
  const args = ["-s", ...Object.keys(evil).flatMap((name) => ["-o", `SendEnv=${name}`]), ...node.stockArgs];
  const before = await helpersOf(Deno.pid);
  const stock = new Deno.Command("ssh", {
    args: [...args, node.target(), "sftp"],
    env: { ...evil, LD_PRELOAD: "" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = stock.stdin.getWriter();
  await writer.write(Uint8Array.of(0, 0, 0, 5, 1, 0, 0, 0, 3));
  await stock.stdout.getReader({ mode: "byob" }).read(new Uint8Array(1));
  const [pid] = (await helpersOf(Deno.pid)).filter((pid) => !before.includes(pid));
  const environment = await Deno.readTextFile(`/proc/${pid}/environ`);
  assertEquals(environment.includes("evil"), false, environment);
  stock.kill("SIGKILL");
  await stock.status;
});

Deno.test("a process that is killed by its user leaves its open files in the log", async () => {
  await using node = await startTestNode();
  const directory = await Deno.makeTempDir();
  try {
    const session = await openSftp(node, node.target().split("@")[0] ?? "");
    const file = await session.sftp.open(`${directory}/a`, WRITE | CREATE);
    await file.write(0, encoder.encode("evil"));
    Deno.kill(session.pid, "SIGKILL");
    const event = await eventually(
      "the event",
      () => node.events.find(({ path }) => path === `${directory}/a`),
    );
    assertEquals([event.event, event.action, event.success], ["sftp", "write", false]);
    assertStringIncludes(String(event.error), "ended before it was closed");
    const end = await eventually("its end", () => node.events.find(({ event }) => event === "subsystem"));
    assertEquals(end.exitError, "killed by signal KILL");
    await assertRejects(() => session.sftp.stat("/"), AppError);
    session.ssh.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a client that vanishes leaves no process, and its files in the log", async () => {
  await using node = await startTestNode();
  const directory = await Deno.makeTempDir();
  try {
    const session = await openSftp(node, node.target().split("@")[0] ?? "");
    const file = await session.sftp.open(`${directory}/a`, WRITE | CREATE);
    await file.write(0, encoder.encode("1234"));
    session.ssh.close();
    const event = await eventually(
      "the event",
      () => node.events.find(({ path }) => path === `${directory}/a`),
    );
    assertEquals([event.len, event.success], [4, false]);
    await eventually("its end", async () => !(await helpersOf(Deno.pid)).includes(session.pid) || undefined);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("while events pile up, files wait; then they go on", {
  ignore: withoutRoot("to see what the process that serves files waits for"),
}, async () => {
  let waiting = 1_000_000;
  await using node = await startTestNode({ context: { waitingEvents: () => waiting } });
  const directory = await Deno.makeTempDir();
  try {
    await using session = await openSftp(node, node.target().split("@")[0] ?? "");
    const path = `${directory}/${"x".repeat(250)}`;
    let done = 0;
    const total = 3000;
    const work = (async () => {
      for (; done < total; done += 2) {
        await session.sftp.makeDirectory(path);
        await session.sftp.removeDirectory(path);
      }
    })();
    await eventually("the process to wait", () => isStuck(session.pid) || undefined);
    assert(done < total, `${done} changes were not held up`);
    assertEquals(node.events.length, 1);
    waiting = 0;
    await work;
    await eventually("all events", () => node.events.length >= total || undefined);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** True when a process waits to write to its report pipe. */
function isStuck(pid: number): boolean {
  // write(2) on descriptor 3; in hexadecimal.
  return /^(?:1|64) 0x3 /.test(Deno.readTextFileSync(`/proc/${pid}/syscall`));
}

for (
  const [forced, commands] of [
    ["internal-sftp", { sftp: true, exec: false, shell: false }],
    ["internal-sftp -R", { sftp: true, exec: false, shell: false }],
    ["internal-sftp -x", { sftp: false, exec: false, shell: false }],
  ] as const
) {
  Deno.test(`a certificate that forces ${forced} gives files and nothing else`, async () => {
    await using node = await startTestNode({ forceCommand: forced });
    const ssh = await node.client();
    for (const start of [() => ssh.exec("id"), () => ssh.exec("scp -f /etc/passwd"), () => ssh.shell()]) {
      const session = await start();
      let text = "", errors = "";
      session.stream.on("data", (piece) => text += piece);
      session.stderr.on("data", (piece) => errors += piece);
      assertEquals(await session.exit, { code: 1 });
      assertEquals(text, "");
      assertStringIncludes(errors, "This service allows sftp connections only.");
    }
    const session = await ssh.subsystem("sftp");
    session.stderr.resume();
    if (!commands.sftp) {
      await assertRejects(() => SftpClient.start(session.stream), AppError);
    } else {
      const sftp = await SftpClient.start(session.stream);
      assert((await sftp.stat("/"))?.mode);
      const writing = sftp.open("/tmp/teleport-forced", WRITE | CREATE);
      if (forced.endsWith("-R")) await assertRejects(() => writing, AppError, "permission denied");
      else {
        await (await writing).close();
        await sftp.remove("/tmp/teleport-forced");
      }
      sftp.close();
    }
    await session.exit;
    ssh.close();
    const refused = node.events.filter(({ event }) => event === "exec");
    assertEquals(refused.map(({ command, exitCode }) => [command, exitCode]), [
      ["id", 1],
      ["scp -f /etc/passwd", 1],
      ["", 1],
    ]);
  });
}

Deno.test("another forced command wins over sftp and over scp", async () => {
  await using node = await startTestNode({ forceCommand: 'echo "forced instead of: $SSH_ORIGINAL_COMMAND"' });
  const ssh = await node.client();
  for (
    const [asked, start] of [
      ["internal-sftp", () => ssh.subsystem("sftp")],
      ["scp -f /etc/passwd", () => ssh.exec("scp -f /etc/passwd")],
    ] as const
  ) {
    const session = await start();
    let text = "";
    session.stream.on("data", (piece) => text += piece);
    session.stderr.resume();
    session.stream.end();
    assertEquals(await session.exit, { code: 0 });
    assertEquals(text, `forced instead of: ${asked}\n`);
  }
  ssh.close();
});

Deno.test("without anybody to hear its reports the process serves nothing", async () => {
  const task: HelperPlan["task"] = { type: "sftp", options: { readOnly: false, denied: [] } };
  const child = launchOwn(ownProgram(FILES_PART), formatPlan({ home: "/", task }));
  const client = await SftpClient.start(Duplex.from({ readable: child.stdout, writable: child.stdin }));
  child.stderr.resume();
  child.reports.destroy();
  const error = await assertRejects(() => client.open("/etc/passwd", READ), AppError);
  assertEquals(error.code, "closed");
  assertEquals(await child.exit, { code: 1 });
  client.close();
});
