/**
 * `tsh scp`: files to and from nodes, and from one node to another through this machine.
 * @module
 */
import { systemClock } from "../../../src/base/clock.ts";
import { AppError, isAppError, messageOf } from "../../../src/base/errors.ts";
import type { SshClient } from "../../../src/ssh/client.ts";
import { SftpClient } from "../../../src/ssh/sftp/client.ts";
import { download } from "../../../src/ssh/sftp/download.ts";
import { baseName, findRemote, isRemoteDirectory } from "../../../src/ssh/sftp/remote_names.ts";
import { upload } from "../../../src/ssh/sftp/upload.ts";
import type { LocalFiles } from "../../../src/ssh/transfer/local_files.ts";
import type { Summary, TransferOptions } from "../../../src/ssh/transfer/report.ts";
import { examples, Exit, print, printError } from "../../program.ts";
import { Cluster } from "../cluster.ts";
import { flagHelp } from "../flag_table.ts";
import { ensureLogin } from "../login.ts";
import { defaultLogin } from "../ssh/run.ts";
import { SCP_FLAGS, type ScpCall } from "./flags.ts";
import { localDisk } from "./local_disk.ts";
import { isRemote, localBaseName, type Location, type RemoteLocation } from "./location.ts";
import { ProgressMeter } from "./progress.ts";
import { limitRate } from "./rate_limit.ts";

/** Runs one call. @throws {Exit} 1 when something could not be copied */
export async function runScp(call: ScpCall): Promise<void> {
  if (call.help) return help(call);
  const { target } = call;
  if (!target) return;
  const nodes = new Nodes(call);
  const meter = newMeter(call);
  const copy = new Copy(call, nodes, meter);
  try {
    if (call.verbose > 0) { for (const note of call.notes) printError(`debug1: ${note}\n`); }
    for (const source of call.sources) await copy.attempt(source, target);
  } finally {
    meter?.end();
    nodes.close();
  }
  if (copy.problems > 0) throw new Exit(1);
}

function help({ asScp }: ScpCall): void {
  const name = asScp ? "scp" : "tsh scp";
  print(
    `Usage: ${name} [flags] <from>... <to>\n\nCopies files; either side is a path or [user@]host:path.\n\n` +
      `Flags:\n${flagHelp(SCP_FLAGS)}` +
      examples(
        "tsh scp report.txt root@luna:/tmp/",
        "tsh scp -r root@luna:/etc/nginx .",
        "tsh scp 'root@luna:/var/log/*.log' logs/",
        "tsh scp luna:dump.sql terra:",
      ),
  );
}

function newMeter({ quiet }: ScpCall): ProgressMeter | undefined {
  if (quiet || !Deno.stdout.isTerminal()) return undefined;
  return new ProgressMeter(print, () => Deno.consoleSize().columns, () => performance.now());
}

/** Connections to the nodes of one call, each made once. */
class Nodes {
  readonly #call: ScpCall;
  readonly #open = new Map<string, Promise<SshClient>>();
  readonly #sftp = new Map<SshClient, Promise<SftpClient>>();
  #cluster: Promise<Cluster> | undefined;

  constructor(call: ScpCall) {
    this.#call = call;
  }

  node({ login, host, port }: RemoteLocation): Promise<SshClient> {
    const name = `${login ?? ""}@${host}:${port}`;
    const known = this.#open.get(name);
    if (known) return known;
    const client = this.#connect(login, host, port);
    this.#open.set(name, client);
    return client;
  }

  async sftp(location: RemoteLocation): Promise<SftpClient> {
    const node = await this.node(location);
    const known = this.#sftp.get(node);
    if (known) return await known;
    const client = node.subsystem("sftp").then(({ stream }) => SftpClient.start(stream));
    this.#sftp.set(node, client);
    return await client;
  }

  async #connect(login: string | undefined, host: string, port: number): Promise<SshClient> {
    const { ssh } = this.#call;
    const options = { ...this.#call, login: this.#call.login ?? ssh.login };
    const cluster =
      await (this.#cluster ??= ensureLogin(options).then((own) => Cluster.connect(own, ssh.connectTimeout)));
    const username = login ?? options.login ?? defaultLogin(cluster.login.certificate.principals);
    return await cluster.node(host, port || this.#call.port || ssh.port, username, {
      keepAliveMs: ssh.keepAlive,
    });
  }

  close(): void {
    const quietly = (each: Promise<{ close(): void }>) =>
      void each.then((client) => client.close(), () => {});
    for (const each of [...this.#sftp.values(), ...this.#open.values()]) quietly(each);
    if (this.#cluster) quietly(this.#cluster);
  }
}

/** The copying of one call. */
class Copy {
  readonly #call: ScpCall;
  readonly #nodes: Nodes;
  readonly #options: TransferOptions;
  readonly #disk: LocalFiles;
  problems = 0;

  constructor(call: ScpCall, nodes: Nodes, meter: ProgressMeter | undefined) {
    this.#call = call;
    this.#nodes = nodes;
    this.#disk = call.limit === undefined ? localDisk : limitRate(localDisk, call.limit, systemClock);
    this.#options = {
      recursive: call.recursive,
      preserve: call.preserve,
      onProgress: meter?.update,
      onProblem: ({ path, error }) => {
        meter?.end();
        printError(`scp: ${path}: ${shortReason(error, path)}\n`);
      },
    };
  }

  /** Copies one source; what fails is told and counted, and the next one has its turn. */
  async attempt(source: Location, target: Location): Promise<void> {
    try {
      const { problems } = await this.#copy(source, target);
      this.problems += problems;
    } catch (error) {
      if (!isAppError(error) || ["unauthenticated", "access_denied", "closed"].includes(error.code)) {
        throw error;
      }
      this.problems++;
      printError(`scp: ${error.message}\n`);
    }
  }

  #copy(source: Location, target: Location): Promise<Summary> {
    if (isRemote(source)) {
      return isRemote(target) ? this.#between(source, target) : this.#download(source, target.local);
    }
    if (!isRemote(target)) throw new AppError("bad_input", `${source.local}: both names are on this machine`);
    return this.#upload(source.local, target);
  }

  async #upload(source: string, target: RemoteLocation): Promise<Summary> {
    const many = this.#call.sources.length > 1;
    if (this.#call.legacy) return await this.#uploadLegacy(source, target, many);
    const sftp = await this.#nodes.sftp(target);
    const path = await remotePath(sftp, target.path);
    const folder = await isRemoteDirectory(sftp, path);
    if (!folder && (many || path.endsWith("/"))) throw new AppError("not_found", `${path}: not a directory`);
    const place = folder ? `${path.replace(/\/+$/, "")}/${localBaseName(await realName(source))}` : path;
    return await upload(sftp, this.#disk, source, place, this.#options);
  }

  async #uploadLegacy(source: string, target: RemoteLocation, many: boolean): Promise<Summary> {
    const { scpCommand } = await import("../../../src/ssh/scp/command.ts");
    const { uploadByScp } = await import("../../../src/ssh/scp/upload.ts");
    const command = scpCommand("sink", target.path || ".", { ...this.#options, toDirectory: many });
    const session = await (await this.#nodes.node(target)).exec(command);
    return await uploadByScp(session, this.#disk, [source], this.#options);
  }

  async #download(source: RemoteLocation, target: string): Promise<Summary> {
    const info = await localDisk.info(target);
    const folder = info?.kind === "directory";
    if (!folder && (this.#call.sources.length > 1 || target.endsWith("/"))) {
      throw new AppError("not_found", `${target}: not a directory`);
    }
    if (this.#call.legacy) return await this.#downloadLegacy(source, target);
    const sftp = await this.#nodes.sftp(source);
    const paths = await findRemote(sftp, await remotePath(sftp, source.path));
    if (paths.length > 1 && !folder) throw new AppError("not_found", `${target}: not a directory`);
    const total: Summary = { files: 0, directories: 0, bytes: 0, problems: 0 };
    for (const path of paths) {
      const name = /^(?:|\.|\.\.)$/.test(baseName(path))
        ? baseName(await sftp.realPath(path))
        : baseName(path);
      const place = folder ? `${target.replace(/\/+$/, "")}/${name}` : target;
      add(total, await this.#each(() => download(sftp, path, this.#disk, place, this.#options)));
    }
    return total;
  }

  async #downloadLegacy(source: RemoteLocation, target: string): Promise<Summary> {
    const { scpCommand } = await import("../../../src/ssh/scp/command.ts");
    const { downloadByScp } = await import("../../../src/ssh/scp/download.ts");
    const asked = source.path || ".";
    const session = await (await this.#nodes.node(source)).exec(scpCommand("source", asked, this.#options));
    const options = { ...this.#options, trustNames: this.#call.trustNames };
    return await downloadByScp(session, this.#disk, asked, target, options);
  }

  /** From node to node by way of a folder of this machine, so that neither has to trust the other. */
  async #between(source: RemoteLocation, target: RemoteLocation): Promise<Summary> {
    const folder = await Deno.makeTempDir({ prefix: "tsh-scp-" });
    try {
      const first = await this.#download(source, folder);
      const total: Summary = { files: 0, directories: 0, bytes: 0, problems: first.problems };
      for await (const { name } of Deno.readDir(folder)) {
        add(total, await this.#upload(`${folder}/${name}`, target));
      }
      return total;
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }

  /** One of several that a pattern found: the others go on. */
  async #each(copy: () => Promise<Summary>): Promise<Summary> {
    try {
      return await copy();
    } catch (error) {
      if (!isAppError(error) || error.code === "closed" || error.code === "timeout") throw error;
      printError(`scp: ${error.message}\n`);
      return { files: 0, directories: 0, bytes: 0, problems: 1 };
    }
  }
}

function add(total: Summary, more: Summary): void {
  for (const key of ["files", "directories", "bytes", "problems"] as const) total[key] += more[key];
}

/** A path over there: `~` is the home folder, nothing is it as well. */
async function remotePath(sftp: SftpClient, path: string): Promise<string> {
  if (path === "" || path === "~") return ".";
  return path.startsWith("~") ? await sftp.expandPath(path) : path;
}

/** `.` and `..` have names of their own. */
async function realName(path: string): Promise<string> {
  return /(?:^|\/)\.{1,2}\/*$/.test(path) ? await Deno.realPath(path) : path;
}

/** The reason without the path before it. */
function shortReason(error: unknown, path: string): string {
  const text = messageOf(error);
  return text.startsWith(`${path}: `) ? text.slice(path.length + 2) : text;
}
