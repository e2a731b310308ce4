/**
 * OpenSSH's server as a peer of our client: one process for each connection, over pipes, so that no port is needed. It has
 * a host certificate of every kind of key and trusts user CAs of every kind.
 * @module
 */
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { formatCertificateLine } from "../../src/ssh/certificate.ts";
import { formatPrivateKey, generateKey, type PrivateKey } from "../../src/ssh/private_key.ts";
import { accepts, freePort, IS_ROOT } from "./machine.ts";
import { eventually } from "./run.ts";
import { certify, KEY_KINDS, type KeyKind, makeKey } from "./ssh_keys.ts";

export const SSHD = "/usr/sbin/sshd";
/** The server insists on this directory when it runs as root. */
const PRIVILEGE_SEPARATION = "/run/sshd";

/** One connection to a server process. */
export interface SshdConnection {
  stream: Duplex;
  /** What the server logged, once the connection is over. */
  log: Promise<string>;
}

export class Sshd implements AsyncDisposable {
  readonly #children = new Set<Deno.ChildProcess>();

  private constructor(
    readonly directory: string,
    readonly hostCa: PrivateKey,
    /** The CAs whose user certificates it takes. */
    readonly userCas: Readonly<Record<KeyKind, PrivateKey>>,
  ) {}

  /** @param lines more lines of its configuration */
  static async prepare(lines: readonly string[] = []): Promise<Sshd> {
    const directory = await Deno.makeTempDir({ prefix: "sshd-" });
    const hostCa = generateKey();
    const configuration = [
      "UsePAM no",
      "StrictModes no",
      "PermitRootLogin yes",
      "AuthorizedKeysFile none",
      "KbdInteractiveAuthentication no",
      "PasswordAuthentication no",
      "UseDNS no",
      "PrintMotd no",
      "PrintLastLog no",
      "LogLevel DEBUG1",
      `TrustedUserCAKeys ${directory}/cas`,
      ...lines,
    ];
    const cas: [KeyKind, PrivateKey][] = [];
    for (const kind of KEY_KINDS) {
      const [key, path] = [makeKey(kind), `${directory}/host_${kind}`];
      await Deno.writeTextFile(path, formatPrivateKey(key), { mode: 0o600 });
      const certificate = certify(hostCa, "host", key, ["localhost"]);
      await Deno.writeTextFile(`${path}-cert.pub`, formatCertificateLine(certificate));
      configuration.push(`HostKey ${path}`, `HostCertificate ${path}-cert.pub`);
      cas.push([kind, makeKey(kind)]);
    }
    const lineOf = ([, ca]: [KeyKind, PrivateKey]) => `${ca.publicKey.toLine()}\n`;
    await Deno.writeTextFile(`${directory}/cas`, cas.map(lineOf).join(""));
    await Deno.writeTextFile(`${directory}/config`, `${configuration.join("\n")}\n`);
    if (IS_ROOT) await Deno.mkdir(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 });
    return new Sshd(directory, hostCa, Object.fromEntries(cas) as Record<KeyKind, PrivateKey>);
  }

  /** Starts a server for one connection. @param settings as `Ciphers=aes256-ctr` */
  connect(settings: readonly string[] = []): SshdConnection {
    const child = new Deno.Command(SSHD, {
      args: ["-i", "-e", "-f", `${this.directory}/config`, ...settings.flatMap((setting) => ["-o", setting])],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#children.add(child);
    const log = new Response(child.stderr).text();
    child.status.then(() => this.#children.delete(child));
    const stream = Duplex.fromWeb({ readable: child.stdout, writable: child.stdin } as never);
    stream.on("error", () => {}); // a server that leaves breaks its pipes
    return { stream, log };
  }

  /** Starts a server that listens. @returns the port */
  async listen(): Promise<number> {
    const port = freePort();
    const child = new Deno.Command(SSHD, {
      args: [
        ...["-D", "-e", "-f", `${this.directory}/config`, "-o", "PidFile=none", "-o", "MaxStartups=1000"],
        ...["-o", `Port=${port}`, "-o", "ListenAddress=127.0.0.1"],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#children.add(child);
    child.status.then(() => this.#children.delete(child));
    await eventually("sshd to listen", async () => await accepts(port) || undefined);
    return port;
  }

  /** A connection to a server that listens. */
  dial(port: number): Socket {
    return connect(port, "127.0.0.1");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended just now
      }
      await child.status;
    }
    await Deno.remove(this.directory, { recursive: true });
  }
}
