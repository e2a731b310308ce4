/**
 * `tsh ssh`: a shell or a command on a node.
 * @module
 */
import { AppError } from "../../src/base/errors.ts";
import type { ClientSession, PtyRequest } from "../../src/ssh/channel.ts";
import { Exit } from "../program.ts";
import { Cluster } from "./cluster.ts";
import { ensureLogin } from "./login.ts";
import type { TshOptions } from "./options.ts";
import { attachTerminal, terminalRequest } from "./terminal.ts";

export interface SshOptions extends TshOptions {
  port?: string;
  tty?: boolean;
}

/** `[user@]host` */
export function parseTarget(text: string): { login: string | undefined; host: string } {
  const at = text.lastIndexOf("@");
  const host = text.slice(at + 1);
  if (host === "" || at === 0) {
    throw new AppError("bad_input", `"${text}" is not a target; write [user@]host`);
  }
  return { login: at > 0 ? text.slice(0, at) : undefined, host };
}

export async function sshCommand(
  target: string,
  words: readonly string[],
  options: SshOptions,
): Promise<void> {
  const { login: named, host } = parseTarget(target);
  const port = options.port === undefined ? 0 : Number(options.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new AppError("bad_input", `"${options.port}" is not a port`);
  }
  const login = await ensureLogin(options);
  const username = named ?? options.login ?? defaultLogin(login.certificate.principals);
  const command = words[0] === "--" ? words.slice(1) : words;
  const cluster = await Cluster.connect(login);
  const node = await cluster.node(host, port, username);
  const text = command.join(" ");
  const wantsTerminal = options.tty === true || text === "" && Deno.stdin.isTerminal();
  const pty = wantsTerminal ? terminalRequest() : undefined;
  const env = environment();
  const session = text !== "" ? await node.exec(text, { pty, env }) : await openShell(node, pty, env);
  const status = await attachTerminal(session, pty !== undefined);
  node.close();
  cluster.close();
  throw new Exit(status.code ?? 255);
}

async function openShell(
  node: Awaited<ReturnType<Cluster["node"]>>,
  pty: PtyRequest | undefined,
  env: Record<string, string>,
): Promise<ClientSession> {
  return await node.shell({ pty, env });
}

/** As ssh does: the local user's name, where the certificate allows it; else its first login. */
function defaultLogin(principals: readonly string[]): string {
  const local = Deno.env.get("USER") ?? Deno.env.get("LOGNAME");
  if (local !== undefined && principals.includes(local)) return local;
  const [first] = principals;
  if (first === undefined) throw new AppError("access_denied", "the certificate allows no login at all");
  return first;
}

/** The locale goes with the user, as OpenSSH's SendEnv in most distributions. */
function environment(): Record<string, string> {
  const all = Deno.env.toObject();
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => /^(?:LANG|LC_[A-Z]+|COLORTERM)$/.test(name)),
  );
}
