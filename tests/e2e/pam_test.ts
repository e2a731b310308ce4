/**
 * Sessions of PAM, with the modules of this machine and service files of these tests.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { connectAs } from "../kit/login_files.ts";
import { withoutRoot } from "../kit/machine.ts";
import { LiveTerminal } from "../kit/live_terminal.ts";
import { TemporaryUser } from "../kit/os_account.ts";
import { eventually, run } from "../kit/run.ts";
import type { User } from "../kit/user.ts";
import { TextService } from "../kit/text_service.ts";

const ignore = withoutRoot("files in /etc/pam.d");

/** A service of PAM whose sessions are noted in a file. */
class Service implements AsyncDisposable {
  private constructor(readonly name: string, readonly directory: string) {}

  /** @param account the module that decides who may come */
  static async create(account = "pam_permit.so"): Promise<Service> {
    const directory = await Deno.makeTempDir({ prefix: "teleport-pam-" });
    await Deno.chmod(directory, 0o755); // pam_motd reads as the user
    const service = new Service(`teleport-test-${crypto.randomUUID().slice(0, 8)}`, directory);
    const files = {
      "note.sh": `#!/bin/sh\necho "$PAM_TYPE $PAM_USER $PAM_TTY $PAM_RHOST" >> ${directory}/notes\n`,
      "limits.conf": "* hard nofile 555\n* soft nofile 555\n",
      "env.conf": "FROM_PAM DEFAULT=yes\nSSH_TTY DEFAULT=forged\n",
      "motd": "good morning\n",
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${directory}/${name}`, text, { mode: 0o755 });
    }
    await Deno.writeTextFile(
      `/etc/pam.d/${service.name}`,
      [
        `account required ${account}`,
        `session required pam_exec.so ${directory}/note.sh`,
        `session required pam_limits.so conf=${directory}/limits.conf`,
        `session required pam_env.so conffile=${directory}/env.conf`,
        `session optional pam_motd.so motd=${directory}/motd`,
        "",
      ].join("\n"),
    );
    return service;
  }

  async notes(): Promise<string[]> {
    try {
      return (await Deno.readTextFile(`${this.directory}/notes`)).trim().split("\n");
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  async closed(sessions: number): Promise<string[]> {
    return await eventually(`${sessions} sessions to be closed`, async () => {
      const notes = await this.notes();
      return notes.filter((note) => note.startsWith("close_session")).length === sessions ? notes : undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(`/etc/pam.d/${this.name}`);
    await Deno.remove(this.directory, { recursive: true });
  }
}

const nodeWith = (service: string) => ({ node: { pam: { enabled: "yes", service_name: service } } });

/** A node with PAM on, and a user who is logged in to the cluster. */
class Stage implements AsyncDisposable {
  private constructor(
    readonly account: TemporaryUser,
    readonly service: Service,
    readonly daemon: Daemon,
    readonly joe: User,
    /** What ssh is told to reach. */
    readonly to: string,
    readonly owned: AsyncDisposableStack,
  ) {}

  /** @param module the one that decides who may come */
  static async set(module?: string): Promise<Stage> {
    await using stack = new AsyncDisposableStack();
    const account = stack.use(await TemporaryUser.create("tppam"));
    const service = stack.use(await Service.create(module));
    const daemon = stack.use(await Daemon.start(nodeWith(service.name)));
    const joe = await daemon.user("joe", [account.name]);
    await joe.loginOk();
    return new Stage(account, service, daemon, joe, `${account.name}@alpha`, stack.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.owned.disposeAsync();
  }
}

Deno.test(
  "a session is opened by PAM before its program and closed after it, with terminal, limits and variables",
  {
    ignore,
  },
  async () => {
    await using stage = await Stage.set();
    const { account, service, joe, to } = stage;

    const terminal = await joe.tsh([
      "ssh",
      "-t",
      to,
      "tty; ulimit -n; echo $FROM_PAM; echo $SSH_TTY; id -un; exit 11",
    ]);
    assertEquals(terminal.code, 11);
    const [motd, tty = "", limit, variable, sshTty, user] = terminal.stdout.split("\r\n");
    assertEquals([motd, limit, variable, user], ["good morning", "555", "yes", account.name]);
    assertEquals(sshTty, tty, "modules do not say how the client came");
    assertEquals(await service.closed(1), [
      `open_session ${account.name} ${tty} 127.0.0.1`,
      `close_session ${account.name} ${tty} 127.0.0.1`,
    ]);

    const command = await joe.ssh(to, "ulimit -n; cat; echo oops >&2; exit 7");
    assertEquals([command.code, command.stdout, command.stderr], [7, "555\n", "oops\n"]);
    assertEquals((await service.closed(2)).slice(2), [
      `open_session ${account.name} ssh 127.0.0.1`,
      `close_session ${account.name} ssh 127.0.0.1`,
    ]);
    const killed = await joe.ssh(to, "kill -KILL $$");
    assertEquals(killed.code, 255);
    await service.closed(3);
    const own = await Deno.readTextFile(`/proc/${await stage.daemon.pid()}/limits`);
    assert(!/Max open files\s+555 /.test(own), "limits of a session are not the node's");
  },
);

Deno.test(
  "interrupt, hang-up and the end of the client reach a program that PAM has let in",
  { ignore },
  async () => {
    await using stage = await Stage.set();
    const { account, service, joe, to } = stage;
    {
      using shell = await LiveTerminal.open(joe, account.name, { rows: 33 });
      // An interactive shell gives its jobs process groups of their own, and the terminal.
      await shell.shows("$ ");
      shell.type("stty size; echo $((6*7)); sleep 1000\n");
      await shell.shows("33 80\r\n42\r\n");
      shell.type("\x03");
      await shell.shows("^C");
      shell.type("exit 5\n");
      assertEquals((await shell.exit).code, 5);
    }
    await service.closed(1);
    const early = await connectAs(joe);
    const node = await early.node("alpha", 0, account.name);
    const sleeping = await node.exec("sleep 1000");
    for (const output of [sleeping.stream, sleeping.stderr]) output.resume();
    sleeping.signal("TERM"); // its PAM session is only being opened
    assertEquals((await sleeping.exit).signal, "TERM");
    early.close();
    await service.closed(2);
    const client = new Deno.Command("ssh", {
      args: [...joe.sshArgs, `${to}.${joe.options.cluster}`, "sleep 1000"],
      stdin: "null",
      stderr: "null",
    }).spawn();
    await eventually("the program", async () => (await service.notes()).length === 5 || undefined);
    client.kill("SIGKILL");
    await client.status;
    await service.closed(3);
  },
);

Deno.test(
  "who is refused by PAM gets no program, no files and no forwarding, and is told why",
  { ignore },
  async () => {
    await using stage = await Stage.set("pam_deny.so");
    const { account, service, joe, to } = stage;
    for (const args of [["ssh", "-t", to], ["ssh", to, "id"]]) {
      const refused = await joe.tsh(args);
      assert(refused.code !== 0);
      assertStringIncludes(refused.stdout + refused.stderr, "PAM refuses the account");
      assert(!refused.stdout.includes("uid="));
    }
    const event = await stage.daemon.event(
      "auth",
      ({ success, error }) => success === false && /PAM/.test(String(error)),
    );
    assertEquals([event.user, event.login], ["joe", account.name]);
    await Deno.writeTextFile(`${account.home}/file`, "text");
    const file = await joe.tsh(["scp", `${to}:${account.home}/file`, `${account.home}/copy`]);
    assert(file.code !== 0);
    await using target = TextService.onPort("never");
    const forwarded = await run("ssh", [
      ...joe.sshArgs,
      "-W",
      `127.0.0.1:${target.port}`,
      `${to}.${joe.options.cluster}`,
    ]);
    assert(forwarded.code !== 0 && !forwarded.stdout.includes("never"));
    assertEquals(await service.notes(), [], "no session was opened");
  },
);

Deno.test(
  "files and forwarded connections have one silent session of PAM, as long as the client is connected",
  {
    ignore,
  },
  async () => {
    await using stage = await Stage.set();
    const { account, service, joe, to } = stage;
    await using target = TextService.onPort("the other side");
    const forwarded = await run("ssh", [
      ...joe.sshArgs,
      "-W",
      `127.0.0.1:${target.port}`,
      `${to}.${joe.options.cluster}`,
    ]);
    assertEquals(forwarded.stdout, "the other side");
    assertEquals((await service.closed(1)).length, 2);
    await Deno.writeTextFile(`${account.home}/file`, "text");
    const copied = await joe.tsh(["scp", `${to}:${account.home}/file`, `${joe.options.home}/copy`]);
    assertEquals(copied.code, 0, copied.stderr);
    assertEquals((await service.closed(2)).length, 4);
  },
);

Deno.test(
  "without the key PAM is off, its service is sshd by default, and one without a file stops the start",
  {
    ignore,
  },
  async () => {
    await using service = await Service.create();
    {
      await using daemon = await Daemon.start();
      const joe = await daemon.user("joe", ["root"]);
      await joe.loginOk();
      assertEquals((await joe.tsh(["ssh", "root@alpha", "echo works"])).stdout, "works\n");
      assertEquals(await service.notes(), []);
    }
    {
      await using daemon = await Daemon.start({ node: { pam: { enabled: "yes" } } });
      const joe = await daemon.user("joe", ["root"]);
      await joe.loginOk();
      const { stdout, stderr } = await joe.tsh(["ssh", "root@alpha", "tr '\\0' ' ' < /proc/$PPID/cmdline"]);
      assertMatch(stdout, /pam-session/, stderr);
    }
    const failed = await Daemon.start(nodeWith("no-such-service")).then(async (daemon) => {
      await daemon.stop();
      return "";
    }, (error) => String(error));
    assertStringIncludes(failed, "there is no /etc/pam.d/no-such-service");
  },
);
