/**
 * PAM sessions of a node: around each shell and command, and once around all files and forwarded connections of a client.
 * @module
 */
import type { Readable } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { AppError, messageOf } from "../../base/errors.ts";
import type { UserIdentity } from "../../model/identity.ts";
import type { ServerConnection } from "../../ssh/server.ts";
import { cString } from "../os/c_memory.ts";
import { libc } from "../os/libc.ts";
import { launchOwn, type OwnProgram, type SessionOpener } from "../os/launch.ts";
import type { OsUser } from "../os/user.ts";
import { requirePam } from "./libpam.ts";
import { formatPamPlan, type PamPlan, parsePamReport } from "./plan.ts";

/** Modules may ask servers elsewhere, but not for ever. */
const OPEN_MS = 60_000;
const MAX_REPORT = 4096;
/** Where Linux-PAM looks for a service's file. */
const FOLDERS = ["/etc/pam.d", "/usr/lib/pam.d"];
type NodeConnection = ServerConnection<UserIdentity>;

/** What OpenSSH calls the terminal of a session without one. */
const NO_TERMINAL = "ssh";
const R_OK = 4;

export interface PamSettings {
  /** The name of a file in `/etc/pam.d`. */
  service: string;
  /** The program of ours that holds a session. */
  program: OwnProgram;
}

export interface PamOptions extends PamSettings {
  clock: Clock;
  /** For the audit log. */
  onRefused(connection: NodeConnection, reason: string): void;
}

/**
 * A service without a file would get the rules of "other", which may let everybody in.
 * @throws {AppError} not_found when the service has no file; unsupported where there is no PAM
 */
export function checkPam(service: string): void {
  requirePam();
  const isReadable = (path: string) => libc().access(cString(path), R_OK) === 0;
  if (FOLDERS.some((folder) => isReadable(`${folder}/${service}`))) return;
  throw new AppError(
    "not_found",
    `PAM is on, but there is no /etc/pam.d/${service}: write one, or name another in ssh_service.pam.service_name`,
  );
}

export class Pam {
  readonly #options: PamOptions;
  readonly #held = new WeakMap<NodeConnection, Promise<void>>();

  constructor(options: PamOptions) {
    this.#options = options;
  }

  /** For a program that runs in a PAM session of its own. */
  opener(connection: NodeConnection, user: OsUser): SessionOpener {
    const { program } = this.#options;
    return {
      program,
      plan: (wanted, tty) => formatPamPlan({ ...this.#plan(connection, user, tty), program: wanted }),
      opened: (reports) => this.#opened(connection, reports),
    };
  }

  /**
   * Checks the account, and has a session open as long as the connection lasts, for what is done without a program of the
   * user's. Modules that set limits do not reach it.
   * @throws {AppError} access_denied
   */
  hold(connection: NodeConnection, user: OsUser): Promise<void> {
    let held = this.#held.get(connection);
    if (!held) this.#held.set(connection, held = this.#hold(connection, user));
    return held;
  }

  async #hold(connection: NodeConnection, user: OsUser): Promise<void> {
    const plan = formatPamPlan({ ...this.#plan(connection, user, undefined), silent: true });
    const child = launchOwn(this.#options.program, plan);
    child.stdout.resume();
    child.stderr.resume();
    void connection.closed.then(() => child.stdin.end());
    try {
      await this.#opened(connection, child.reports);
    } catch (error) {
      child.killSession();
      throw error;
    }
  }

  #plan({ remote }: NodeConnection, { name }: OsUser, tty: string | undefined): PamPlan {
    const { service } = this.#options;
    return { service, user: name, tty: tty ?? NO_TERMINAL, rhost: remote.address, silent: false };
  }

  async #opened(connection: NodeConnection, reports: Readable): Promise<void> {
    const late = this.#options.clock.after(
      OPEN_MS,
      () => reports.destroy(new AppError("timeout", `PAM has not answered within ${OPEN_MS / 1000} s`)),
    );
    try {
      const report = parsePamReport(await textOf(reports));
      if (report.type === "refused") throw new AppError("access_denied", report.reason);
    } catch (error) {
      this.#options.onRefused(connection, messageOf(error));
      throw error;
    } finally {
      late.cancel();
      reports.destroy();
    }
  }
}

async function textOf(reports: Readable): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of reports) {
    text += decoder.decode(piece, { stream: true });
    if (text.endsWith("\n") || text.length > MAX_REPORT) break;
  }
  return text;
}
