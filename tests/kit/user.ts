/**
 * A person with an authenticator app: signs up over HTTPS, logs in with `tsh`, uses stock ssh.
 * @module
 */
import { Secret, TOTP } from "otpauth";
import { callWeb } from "../../cli/tsh/web.ts";
import { type Result, run, type RunOptions, runProgram } from "./run.ts";

export interface SignUp {
  name: string;
  /** The invitation link. */
  url: string;
  /** `host:webport` */
  proxy: string;
  sshPort: number;
  home: string;
  cluster: string;
}

export const PASSWORD = "correct horse battery staple";

const STEP = 30_000;
/** How long a code may be on its way: to a slow machine's prompt, and to the server's clock. */
const ON_THE_WAY = 12_000;

/** An authenticator that never gives the same code twice. */
export class Authenticator {
  #last = 0;

  constructor(readonly secret: string) {}

  /**
   * A code that the server still accepts in a moment: one step early or late is within its window. Waits where
   * all codes of this window were used.
   */
  async code(): Promise<string> {
    const earliest = Math.floor((Date.now() + ON_THE_WAY) / STEP) - 1;
    const step = Math.max(this.#last + 1, earliest);
    this.#last = step;
    const wait = (step - 1) * STEP - Date.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    return new TOTP({ secret: Secret.fromBase32(this.secret) }).generate({ timestamp: step * STEP });
  }
}

export class User {
  private constructor(readonly options: SignUp, readonly authenticator: Authenticator) {}

  static async signUp(options: SignUp): Promise<User> {
    const token = options.url.slice(options.url.lastIndexOf("/") + 1);
    const [host = "", port] = options.proxy.split(":");
    const proxy = { host, port: Number(port), insecure: true };
    const invite = await callWeb<{ otp_uri: string }>(proxy, "GET", `/webapi/users/invites/${token}`);
    const secret = new URL(invite.otp_uri).searchParams.get("secret") ?? "";
    const authenticator = new Authenticator(secret);
    await callWeb(proxy, "POST", "/webapi/users", {
      invite_token: token,
      pass: PASSWORD,
      second_factor_token: await authenticator.code(),
    });
    await Deno.mkdir(options.home, { recursive: true });
    return new User(options, authenticator);
  }

  get name(): string {
    return this.options.name;
  }

  #env(extra: Record<string, string> = {}): Record<string, string> {
    return { HOME: this.options.home, USER: this.name, TERM: "xterm", ...extra };
  }

  /** `tsh login` with password and a fresh code. */
  async login(args: string[] = [], env: Record<string, string> = {}): Promise<Result> {
    return await this.tsh(
      ["login", `--proxy=${this.options.proxy}`, `--user=${this.name}`, "--insecure", ...args],
      {
        stdin: `${PASSWORD}\n${await this.authenticator.code()}\n`,
        env,
      },
    );
  }

  /** Logs in and fails unless that works. */
  async loginOk(args: string[] = [], env: Record<string, string> = {}): Promise<Result> {
    const result = await this.login(args, env);
    if (result.code !== 0) throw new Error(`tsh login failed: ${result.stderr}`);
    return result;
  }

  tsh(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return runProgram("tsh", args, { ...options, env: this.#env(options.env) });
  }

  /** Where tsh keeps the key of this login. */
  get keyFile(): string {
    return `${this.options.home}/.tsh/keys/127.0.0.1/${this.name}`;
  }

  /** Arguments that make stock ssh log in through the proxy, host keys checked. */
  get sshArgs(): string[] {
    const common = [
      ...["-F", "none", "-i", this.keyFile, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
      ...[
        "-o",
        `UserKnownHostsFile=${this.options.home}/.tsh/known_hosts`,
        "-o",
        "StrictHostKeyChecking=yes",
      ],
      ...["-o", "GlobalKnownHostsFile=/dev/null"],
    ];
    const proxy = ["ssh", ...common, "-p", `${this.options.sshPort}`, "%r@127.0.0.1", "-s", "proxy:%h:%p"];
    return [...common, "-o", `ProxyCommand=${proxy.join(" ")}`];
  }

  /** Stock ssh to `login@host.cluster`. */
  ssh(target: string, command: string, options: RunOptions & { args?: string[] } = {}): Promise<Result> {
    const [login, host] = target.split("@");
    const args = [
      ...this.sshArgs,
      ...(options.args ?? []),
      `${login}@${host}.${this.options.cluster}`,
      command,
    ];
    return run("ssh", args, { ...options, env: this.#env(options.env) });
  }
}
