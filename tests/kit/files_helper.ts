/**
 * The process that serves files, started as a node starts it, without a node around it.
 * @module
 */
import { Duplex } from "node:stream";
import { FILES_PART, ownProgram } from "../../src/daemon/own_program.ts";
import { formatPlan, type HelperPlan, type SftpOptions } from "../../src/node/files/plan.ts";
import { type Deed, parseReport, type Report } from "../../src/node/files/report.ts";
import { launchOwn, type OwnChild } from "../../src/node/os/launch.ts";
import { currentUser, type OsUser } from "../../src/node/os/user.ts";
import { SftpClient } from "../../src/ssh/sftp/client.ts";

export class FilesHelper implements AsyncDisposable {
  readonly #reported: Promise<void>;
  readonly reports: Report[] = [];
  /** What it wrote to standard error. */
  messages = "";
  /** Its standard output and input. */
  readonly stream: Duplex;

  private constructor(readonly child: OwnChild) {
    this.stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
    this.stream.on("error", () => {}); // it may end before it has read everything
    child.stderr.on("data", (piece) => this.messages += piece);
    this.#reported = this.#read();
  }

  static start(task: HelperPlan["task"], user: OsUser = currentUser()): FilesHelper {
    const { uid, gid, groups, home } = user;
    const becomes = Deno.uid() === 0 ? { uid, gid, groups } : undefined;
    const plan = formatPlan({ user: becomes, home, task });
    return new FilesHelper(launchOwn(ownProgram(FILES_PART), plan));
  }

  /** An sftp server, and a client that talks to it. */
  static async sftp(
    options: Partial<SftpOptions> = {},
    user?: OsUser,
  ): Promise<{ helper: FilesHelper; client: SftpClient } & AsyncDisposable> {
    const helper = FilesHelper.start(
      { type: "sftp", options: { readOnly: false, denied: [], ...options } },
      user,
    );
    const client = await SftpClient.start(helper.stream);
    return {
      helper,
      client,
      async [Symbol.asyncDispose]() {
        client.close();
        await helper[Symbol.asyncDispose]();
      },
    };
  }

  async #read(): Promise<void> {
    let text = "";
    for await (const piece of this.child.reports) {
      const lines = (text + piece).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        const report = parseReport(line);
        if (!report) throw new Error(`no report: ${line}`);
        this.reports.push(report);
      }
    }
  }

  /** All that was done, once the process has ended. */
  async deeds(): Promise<Deed[]> {
    await this.child.exit;
    await this.#reported;
    return this.reports.flatMap((report) => report.type === "done" ? [report.deed] : []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.stdin.end();
    this.child.stdout.resume();
    await this.child.exit;
    await this.#reported;
  }
}
