/**
 * `tsh ssh`: a shell, a command, forwardings, on one node or on all that have some labels.
 * @module
 */
import type { Duplex } from "node:stream";
import { AppError, messageOf } from "../../../src/base/errors.ts";
import type { ClientSession } from "../../../src/ssh/channel.ts";
import type { SshClient } from "../../../src/ssh/client.ts";
import { examples, Exit, print, printError } from "../../program.ts";
import { printVersion } from "../../version.ts";
import { rememberNode } from "../completion_cache.ts";
import { Cluster } from "../cluster.ts";
import { flagHelp } from "../flag_table.ts";
import type { Login } from "../home.ts";
import { ensureLogin } from "../login.ts";
import { attachTerminal, copyOut, feedInput, terminalRequest } from "../terminal.ts";
import type { SshCall } from "./call.ts";
import { environmentToSend } from "./environment.ts";
import { SSH_FLAGS } from "./flags.ts";
import { parseTarget, type Target } from "./target.ts";
import type { LocalDisplay } from "./x11.ts";

/** What ssh(1) ends with when it is not the remote side's status. */
const FAILED = 255;

/** Runs one call. Ends by {@linkcode Exit}. */
export async function runSsh(call: SshCall): Promise<void> {
  if (call.help) return help(call);
  if (call.version) return printVersion();
  await connectAndRun(call);
}

function help({ asSsh }: SshCall): void {
  const name = asSsh ? "ssh" : "tsh ssh";
  print(
    `Usage: ${name} [flags] [user@]host [command...]\n       ${name} [flags] [user@]label=value[,label=value] command...\n\n` +
      "Opens a shell or runs a command on a node, or a command on every node that has the labels.\n\n" +
      `Flags, before or after the host:\n${flagHelp(SSH_FLAGS)}` +
      examples(
        "tsh ssh root@luna",
        "tsh ssh luna ls -l /var",
        "tsh ssh -L 5432:localhost:5432 -N root@db",
        "tsh ssh -D 1080 -f -N root@luna",
        "tsh ssh root@env=prod uptime",
        "tsh ssh --local -L 8080:localhost:80 luna curl -s http://localhost:8080/",
      ),
  );
}

async function connectAndRun(call: SshCall): Promise<void> {
  if (call.target === undefined) throw new AppError("bad_input", "name a node: tsh ssh [user@]host");
  const target = parseTarget(call.target);
  const say = messages(call);
  for (const note of call.notes) say.verbose(note);
  if (call.background && !(await import("./background.ts")).isBackground()) {
    if (call.words.length === 0 && !call.noCommand) {
      throw new AppError("bad_input", "-f without a command needs -N: there is nothing to run");
    }
    await ensureLogin(call); // asks now, while there is a terminal
    await (await import("./background.ts")).continueInBackground(!call.noCommand);
  }
  const login = await ensureLogin(call);
  const username = target.login ?? call.login ?? defaultLogin(login.certificate.principals);
  if ("labels" in target) {
    const { runOnAll } = await import("./many.ts");
    return await runOnAll(call, login, username, target.labels);
  }
  await runOnOne(call, login, username, target, say);
}

/** As ssh does: the local user's name, where the certificate allows it; else its first login. */
export function defaultLogin(principals: readonly string[]): string {
  const local = Deno.env.get("USER") ?? Deno.env.get("LOGNAME");
  if (local !== undefined && principals.includes(local)) return local;
  const [first] = principals;
  if (first === undefined) throw new AppError("access_denied", "the certificate allows no login at all");
  return first;
}

interface Messages {
  /** Warnings; not with -q. */
  warn(text: string): void;
  /** With -v. */
  verbose(text: string): void;
}

function messages(call: SshCall): Messages {
  const lineEnd = Deno.stdin.isTerminal() ? "\r\n" : "\n"; // it may be raw
  const write = (text: string) => {
    if (call.logFile === undefined) return printError(`${text}${lineEnd}`);
    Deno.writeTextFileSync(call.logFile, `${text}\n`, { append: true, mode: 0o600 });
  };
  return {
    warn(text) {
      if (!call.quiet) write(text);
    },
    verbose(text) {
      if (call.verbose > 0) write(`debug1: ${text}`);
    },
  };
}

async function runOnOne(
  call: SshCall,
  login: Login,
  username: string,
  target: Exclude<Target, { labels: unknown }>,
  say: Messages,
): Promise<never> {
  const display = call.x11 ? await wantedDisplay(say) : undefined;
  const cluster = await Cluster.connect(login, call.connectTimeout);
  say.verbose(
    `connected to the proxy ${login.profile.proxyHost}:${login.profile.sshPort} as ${login.profile.user}`,
  );
  const node = await cluster.node(target.host, target.port || call.port, username, {
    agent: call.forwardAgent ? await agentDialer(say) : undefined,
    x11: display && (() => display.connect()),
    keepAliveMs: call.keepAlive,
  });
  say.verbose(`logged in to ${target.host} as ${username}`);
  if (login.stored) await rememberNode(target.host);
  let code: number;
  try {
    code = await use(node, call, target.host, display, say);
  } finally {
    node.close();
    cluster.close();
  }
  throw new Exit(code);
}

/** Forwards, then what was asked for. @returns the exit code */
async function use(
  node: SshClient,
  call: SshCall,
  host: string,
  display: LocalDisplay | undefined,
  say: Messages,
): Promise<number> {
  if (call.localForwards.length + call.remoteForwards.length > 0) {
    const { openForwards } = await import("./forwards.ts");
    await openForwards(node, {
      local: call.localForwards,
      remote: call.remoteForwards,
      required: call.exitOnForwardFailure || !call.asSsh,
      report: (text) => say.warn(text),
      allocated: (text) => say.warn(text),
    });
  }
  if (call.background) {
    (await import("./background.ts")).detach();
    // Nobody reads messages any more.
    if (call.noCommand && call.logFile === undefined) Object.assign(call, { quiet: true, verbose: 0 });
  }
  const lost = node.closed.then(() => {
    say.warn(`Connection to ${host} closed by remote host.`);
    return FAILED;
  });
  if (call.local) return await Promise.race([runHere(call.words), lost]);
  if (call.stdio) return await relayStdio(await node.directTcpip(call.stdio.host, call.stdio.port));
  if (call.noCommand) return await Promise.race([interrupted(), lost]);
  return await runSession(node, call, host, display, say);
}

async function runSession(
  node: SshClient,
  call: SshCall,
  host: string,
  display: LocalDisplay | undefined,
  say: Messages,
): Promise<number> {
  const session = await startSession(node, call, display);
  const pty = wantsTerminal(call) && !session.refused.has("pty");
  for (const what of session.refused) say.warn(`the node refused ${REFUSED[what]}`);
  const { Escapes } = await import("./escapes.ts");
  let left = false;
  const escapes = call.escape === undefined ? undefined : new Escapes(call.escape, {
    disconnect() {
      left = true;
      session.close();
      node.close();
    },
    sendBreak: () => void session.break(0),
    help: (text) => printError(`\r\n${text}\r\n`),
  });
  const gone = node.closed.then(() => ({}));
  const typed = escapes && ((bytes: Uint8Array) => escapes.filter(bytes));
  const attached = attachTerminal(session, { pty, stdinNull: call.stdinNull, typed });
  const status = await Promise.race([attached, gone.then(() => Promise.race([attached, delayed()]))]);
  if (left || pty && !call.quiet) printError(`Connection to ${host} closed.\r\n`);
  return status.code ?? FAILED;
}

const REFUSED = { pty: "a terminal", agent: "the agent", x11: "X11 forwarding" } as const;

/** After the connection is gone, what has come still goes out. */
async function delayed(): Promise<{ code?: number }> {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return {};
}

function wantsTerminal({ terminal, words, subsystem, asSsh }: SshCall): boolean {
  if (terminal === "no" || subsystem) return false;
  if (terminal === "force") return true;
  const here = Deno.stdin.isTerminal();
  // ssh wants a second -t where it has no terminal itself; tsh believes the first.
  return terminal === "yes" ? here || !asSsh : words.length === 0 && here;
}

async function startSession(
  node: SshClient,
  call: SshCall,
  display: LocalDisplay | undefined,
): Promise<ClientSession> {
  const text = call.words.join(" ");
  const options = {
    pty: wantsTerminal(call) ? terminalRequest() : undefined,
    env: environmentToSend(Deno.env.toObject(), call.sendEnv, call.setEnv),
    agent: call.forwardAgent,
    x11: display?.request,
  };
  if (call.subsystem) return await node.subsystem(text, options);
  return text === "" ? await node.shell(options) : await node.exec(text, options);
}

/** The user's running agent. */
async function agentDialer(say: Messages): Promise<(() => Promise<Duplex>) | undefined> {
  const path = Deno.env.get("SSH_AUTH_SOCK");
  if (!path) {
    say.warn("there is no agent to forward: SSH_AUTH_SOCK is not set");
    return undefined;
  }
  const { dialPath } = await import("./forwards.ts");
  return () => dialPath(path);
}

async function wantedDisplay(say: Messages): Promise<LocalDisplay | undefined> {
  try {
    return await (await import("./x11.ts")).localDisplay(Deno.env.get("DISPLAY"));
  } catch (error) {
    say.warn(messageOf(error));
    return undefined;
  }
}

/** Runs the words as a command of this machine. @returns its exit code */
async function runHere(words: readonly string[]): Promise<number> {
  const [program, ...args] = words;
  if (program === undefined) throw new AppError("bad_input", "--local needs a command to run");
  try {
    const { code } = await new Deno.Command(program, { args }).spawn().status;
    return code;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new AppError("not_found", `${program}: there is no such program on this machine`);
  }
}

/** `-W`: standard input and output are the connection. */
async function relayStdio(stream: Duplex): Promise<number> {
  void feedInput(stream);
  await copyOut(stream, Deno.stdout);
  stream.destroy();
  return 0;
}

/** Settles when the user has had enough of `-N`. */
function interrupted(): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      Deno.addSignalListener(signal, () => resolve(FAILED));
    }
  });
}
