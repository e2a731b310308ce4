/**
 * Real etcd members on loopback, with TLS and client certificates of an authority made for them.
 * @module
 */
import { ensure, ETCD, ETCDCTL } from "../../scripts/prerequisites.ts";
import { freePort } from "./machine.ts";
import { eventually } from "./run.ts";
import { type Pair, TestAuthority } from "./test_authority.ts";

/** True when there is no etcd and none can be installed; says so. */
export async function withoutEtcd(): Promise<boolean> {
  const missing = await ensure([ETCD, ETCDCTL]);
  if (missing.length > 0) console.log(`skipped: this machine has no etcd (Debian's ${missing.join(", ")})`);
  return missing.length > 0;
}

interface Member {
  name: string;
  clientPort: number;
  peerPort: number;
  process?: Deno.ChildProcess;
}

/** Some members of one cluster. */
export class Etcd implements AsyncDisposable {
  readonly #members: Member[];

  private constructor(
    readonly directory: string,
    readonly authority: TestAuthority,
    readonly client: Pair,
    members: Member[],
  ) {
    this.#members = members;
  }

  static async start(count = 1): Promise<Etcd> {
    const directory = await Deno.makeTempDir({ prefix: "teleport-etcd-" });
    const authority = await TestAuthority.make("etcd authority");
    const server = await authority.sign("localhost");
    const client = await authority.sign("teleport");
    const files = { "ca.pem": authority.pem, "server.pem": server.cert, "server.key": server.key };
    for (
      const [name, text] of Object.entries({ ...files, "client.pem": client.cert, "client.key": client.key })
    ) {
      await Deno.writeTextFile(`${directory}/${name}`, text);
    }
    const members = Array.from({ length: count }, (_, i): Member => ({
      name: `m${i}`,
      clientPort: freePort(),
      peerPort: freePort(),
    }));
    const etcd = new Etcd(directory, authority, client, members);
    for (let i = 0; i < count; i++) etcd.run(i);
    try {
      await etcd.ready();
    } catch (error) {
      await etcd[Symbol.asyncDispose]();
      throw error;
    }
    return etcd;
  }

  /** Starts a member, or starts it again. */
  run(index: number): void {
    const member = this.#member(index);
    const peerUrl = (other: Member) => `http://127.0.0.1:${other.peerPort}`;
    const clientUrl = `https://127.0.0.1:${member.clientPort}`;
    member.process = new Deno.Command("etcd", {
      args: [
        ...["--name", member.name, "--data-dir", `${this.directory}/${member.name}`],
        ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
        ...["--listen-peer-urls", peerUrl(member), "--initial-advertise-peer-urls", peerUrl(member)],
        ...["--initial-cluster", this.#members.map((other) => `${other.name}=${peerUrl(other)}`).join(",")],
        ...["--cert-file", `${this.directory}/server.pem`, "--key-file", `${this.directory}/server.key`],
        ...["--trusted-ca-file", `${this.directory}/ca.pem`, "--client-cert-auth"],
        ...["--log-level", "error", "--heartbeat-interval", "50", "--election-timeout", "500"],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  #member(index: number): Member {
    const member = this.#members[index];
    if (!member) throw new Error(`etcd has no member ${index}`);
    return member;
  }

  /** Ends a member at once, as a power cut does. */
  async kill(index: number): Promise<void> {
    const { process } = this.#member(index);
    process?.kill("SIGKILL");
    await process?.status;
    this.#member(index).process = undefined;
  }

  get peers(): string[] {
    return this.#members.map(({ clientPort }) => `https://127.0.0.1:${clientPort}`);
  }

  /** Waits until it takes writes. */
  async ready(): Promise<void> {
    await eventually(
      "etcd to serve",
      async () => (await this.ctl("put", "ready", "yes")).success || undefined,
    );
  }

  /** Which member leads. */
  async leader(): Promise<number> {
    const { stdout } = await this.ctl("endpoint", "status", "--write-out=json");
    const members: { Status: { leader: number; header: { member_id: number } } }[] = JSON.parse(stdout);
    return members.findIndex(({ Status }) => Status.leader === Status.header.member_id);
  }

  async ctl(...args: string[]): Promise<{ success: boolean; stdout: string }> {
    const up = this.#members.filter(({ process }) => process).map(({ clientPort }) =>
      `https://127.0.0.1:${clientPort}`
    );
    const { success, stdout } = await new Deno.Command("etcdctl", {
      args: [
        `--endpoints=${up.join(",")}`,
        `--cacert=${this.directory}/ca.pem`,
        `--cert=${this.directory}/client.pem`,
        `--key=${this.directory}/client.key`,
        "--command-timeout=3s",
        ...args,
      ],
      env: { ETCDCTL_API: "3" },
      stderr: "null",
    }).output();
    return { success, stdout: new TextDecoder().decode(stdout) };
  }

  /** The section `teleport.storage` for it. */
  storage(prefix = "teleport"): Record<string, unknown> {
    return {
      type: "etcd",
      peers: this.peers,
      tls_cert_file: `${this.directory}/client.pem`,
      tls_key_file: `${this.directory}/client.key`,
      tls_ca_file: `${this.directory}/ca.pem`,
      prefix,
    };
  }

  /** Ends all members without waiting, and removes their data: for the end of a test file. */
  killAll(): void {
    for (const { process } of this.#members) process?.kill("SIGKILL");
    Deno.removeSync(this.directory, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let i = 0; i < this.#members.length; i++) await this.kill(i);
    await Deno.remove(this.directory, { recursive: true });
  }
}
