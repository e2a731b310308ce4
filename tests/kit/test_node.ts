/**
 * The sessions of a node without a cluster around it: its SSH server on a free port, for certificates that a test makes.
 * @module
 */
import { connect, createServer, type Socket } from "node:net";
import { systemClock } from "../../src/base/clock.ts";
import { AppError } from "../../src/base/errors.ts";
import { FILES_PART, ownProgram } from "../../src/daemon/own_program.ts";
import type { EventFields } from "../../src/model/event.ts";
import { PERMITS, type UserIdentity } from "../../src/model/identity.ts";
import { DEFAULT_POLICY } from "../../src/model/recording_policy.ts";
import type { NodeContext } from "../../src/node/context.ts";
import { nodeSession } from "../../src/node/session.ts";
import { LiveSessions } from "../../src/session/live_sessions.ts";
import type { Spool } from "../../src/session/spool.ts";
import { formatCertificateLine } from "../../src/ssh/certificate.ts";
import { connectSsh, type SshClient } from "../../src/ssh/client.ts";
import { formatPrivateKey, generateKey } from "../../src/ssh/private_key.ts";
import { SshServer } from "../../src/ssh/server.ts";
import { LOGIN } from "./machine.ts";
import { certify } from "./ssh_keys.ts";

export interface TestNodeOptions {
  /** What the user's certificate forces. */
  forceCommand?: string;
  context?: Partial<NodeContext>;
}

export interface TestNode extends AsyncDisposable {
  /** All audit events so far. */
  readonly events: EventFields[];
  readonly port: number;
  client(login?: string): Promise<SshClient>;
  /** Arguments of stock ssh, sftp and scp, without the target. */
  readonly stockArgs: string[];
  /** The target for them. */
  target(login?: string): string;
}

export async function startTestNode({ forceCommand, context }: TestNodeOptions = {}): Promise<TestNode> {
  const [ca, key] = [generateKey(), generateKey()];
  const logins = [LOGIN, "root", "nobody", "daemon"];
  const events: EventFields[] = [];
  const node: NodeContext = {
    hostId: "test",
    name: "test",
    clock: systemClock,
    access: {
      admit: () => Promise.reject(new AppError("unsupported", "this node asks nobody")),
      decide: () => ({ refused: "this node asks nobody" }),
    },
    labels: () => ({}),
    trust: () => ({ cluster: "test", user: [], host: [] }),
    emit: (event) => void events.push(event),
    recordsAs: "node",
    recording: () => ({ ...DEFAULT_POLICY, by: "off" }),
    isRecordedByProxy: () => false,
    spool: noSpool,
    journal: { begin() {}, end() {} },
    sessions: new LiveSessions({ clock: systemClock, announce: () => Promise.resolve([]) }),
    webProxy: () => undefined,
    permitUserEnv: false,
    waitingEvents: () => 0,
    filesProgram: ownProgram(FILES_PART),
    ...context,
  };
  const identity: UserIdentity = {
    kind: "user",
    name: "joe",
    roles: ["admin"],
    logins,
    cluster: "test",
    permits: new Set(PERMITS),
    forceCommand,
    expires: Infinity,
  };
  const server = new SshServer<UserIdentity>({
    hostCredential: { key, certificate: certify(ca, "host", key, ["127.0.0.1"]) },
    authenticator: { certificate: () => identity },
    routes: { session: (connection) => nodeSession(node, connection) },
  });
  const sockets = new Set<Socket>();
  const listener = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // cut at the end
    server.accept(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as { port: number };
  const directory = await Deno.makeTempDir({ prefix: "teleport-test-node-" });
  const certificate = certify(ca, "user", key, logins);
  await Deno.writeTextFile(`${directory}/key`, formatPrivateKey(key), { mode: 0o600 });
  await Deno.writeTextFile(`${directory}/key-cert.pub`, formatCertificateLine(certificate));
  await Deno.writeTextFile(`${directory}/known`, `@cert-authority * ${ca.publicKey.toLine()}\n`);
  const options = {
    UserKnownHostsFile: `${directory}/known`,
    GlobalKnownHostsFile: "/dev/null",
    StrictHostKeyChecking: "yes",
    IdentitiesOnly: "yes",
    BatchMode: "yes",
    Port: String(port),
  };
  return {
    events,
    port,
    stockArgs: [
      ...["-F", "none", "-i", `${directory}/key`],
      ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
    ],
    target: (login = LOGIN) => `${login}@127.0.0.1`,
    client: (login = LOGIN) => {
      const stream = connect(port, "127.0.0.1");
      stream.on("error", () => {}); // cut at the end
      sockets.add(stream);
      return connectSsh({ stream, username: login, credential: { key, certificate }, verifyHost: () => {} });
    },
    async [Symbol.asyncDispose]() {
      await server.close(0);
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
      await Deno.remove(directory, { recursive: true });
    },
  };
}

const noSpool = {
  begin: () => Promise.reject(new AppError("unsupported", "this node records nothing")),
} as unknown as Spool;
