/**
 * Our SSH server in this process, with user CAs of every kind, whose only command is `cat`.
 * @module
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { AppError } from "../../src/base/errors.ts";
import { type Listener, listenOn } from "../../src/base/listen.ts";
import { checkCertificate, formatCertificateLine } from "../../src/ssh/certificate.ts";
import { formatPrivateKey, generateKey, type PrivateKey } from "../../src/ssh/private_key.ts";
import { type ServerOptions, SshServer } from "../../src/ssh/server.ts";
import { type Result, run } from "./run.ts";
import { type Attack, standBetween } from "./tampering.ts";
import { certify, KEY_KINDS, type KeyKind, makeKey } from "./ssh_keys.ts";

export class EchoServer implements AsyncDisposable {
  readonly userCas: Readonly<Record<KeyKind, PrivateKey>>;
  readonly hostCa = generateKey();
  readonly #directories: string[] = [];
  readonly refusals: string[] = [];
  /** Who got in. */
  readonly identities: string[] = [];
  readonly #listeners: Server[] = [];
  readonly #closed: Promise<void>[] = [];
  #listener: Listener | undefined;
  readonly #server: SshServer<string>;

  private constructor(hostKind: KeyKind, rekey: ServerOptions<string>["rekey"]) {
    const cas = KEY_KINDS.map((kind) => [kind, makeKey(kind)]);
    this.userCas = Object.fromEntries(cas);
    const key = makeKey(hostKind);
    const authorities = Object.values(this.userCas).map((ca) => ca.publicKey);
    this.#server = new SshServer<string>({
      hostCredential: { key, certificate: certify(this.hostCa, "host", key, ["127.0.0.1", "localhost"]) },
      authenticator: {
        certificate({ username, certificate }) {
          const now = Date.now() / 1000;
          const why = checkCertificate(certificate, { kind: "user", authorities, principal: username, now });
          if (why) throw new AppError("unauthenticated", why);
          return certificate.keyId;
        },
      },
      routes: {
        session: () => ({
          exec: (channel) => {
            channel.on("end", () => {
              channel.exit(0);
              channel.end();
            });
            channel.pipe(channel, { end: false });
          },
        }),
      },
      rekey,
      onConnection: ({ identity }) => void this.identities.push(identity),
      onRefused: (_remote, reason) => void this.refusals.push(reason),
    });
  }

  static async start(
    hostKind: KeyKind = "ed25519",
    rekey?: ServerOptions<string>["rekey"],
  ): Promise<EchoServer> {
    const server = new EchoServer(hostKind, rekey);
    const where = { host: "127.0.0.1", port: 0 };
    server.#listener = await listenOn(where, (socket) => {
      server.#closed.push(new Promise((resolve) => socket.once("close", () => resolve())));
      server.#server.accept(socket);
    });
    return server;
  }

  /** Another port that leads to the server, through a man in the middle. */
  async behind(attacks: readonly Attack[]): Promise<number> {
    const middle = createServer((client) => {
      standBetween(client, connect(this.port, "127.0.0.1"), attacks);
    });
    this.#listeners.push(middle);
    await new Promise<void>((resolve) => middle.listen(0, "127.0.0.1", resolve));
    return portOf(middle);
  }

  /** Settles when every connection so far has ended. */
  async quiet(): Promise<void> {
    await Promise.all(this.#closed);
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  dial(port: number = this.port): Socket {
    return connect(port, "127.0.0.1");
  }

  /** Writes a user's key and certificate for `ssh -i`. @returns the path of the key */
  async identity(key: PrivateKey, ca: PrivateKey = this.userCas.ed25519): Promise<string> {
    const directory = await this.#directory();
    await Deno.writeTextFile(`${directory}/key`, formatPrivateKey(key), { mode: 0o600 });
    const certificate = certify(ca, "user", key, ["joe"]);
    await Deno.writeTextFile(`${directory}/key-cert.pub`, formatCertificateLine(certificate));
    return `${directory}/key`;
  }

  /**
   * Runs OpenSSH's client: `ssh joe@127.0.0.1 cat`.
   * @param args more arguments, as `-i` of an identity
   */
  async ssh(
    args: readonly string[],
    stdin?: Uint8Array,
    { env, port = this.port }: { env?: Record<string, string>; port?: number } = {},
  ): Promise<Result> {
    return await run("ssh", [...args, ...await this.arguments(port), "joe@127.0.0.1", "cat"], { stdin, env });
  }

  /** What every call of `ssh` needs to trust this server; the first value of an option counts. */
  async arguments(port: number = this.port): Promise<string[]> {
    const known = `${await this.#directory()}/known_hosts`;
    await Deno.writeTextFile(known, `@cert-authority * ${this.hostCa.publicKey.toLine()}\n`);
    return [
      ...["-v", "-F", "none", "-p", `${port}`, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"],
      ...["-o", `UserKnownHostsFile=${known}`, "-o", "GlobalKnownHostsFile=/dev/null"],
      ...["-o", "StrictHostKeyChecking=yes"],
    ];
  }

  async #directory(): Promise<string> {
    const directory = await Deno.makeTempDir({ prefix: "echo-" });
    this.#directories.push(directory);
    return directory;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener?.close();
    await this.#server.close(0);
    for (const listener of this.#listeners) await new Promise<void>((done) => listener.close(() => done()));
    for (const directory of this.#directories) await Deno.remove(directory, { recursive: true });
  }
}

function portOf(listener: Server): number {
  const address = listener.address();
  return typeof address === "object" && address ? address.port : 0;
}
