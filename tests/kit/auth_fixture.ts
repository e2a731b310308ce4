/**
 * An auth service with its SSH front on a socket of this machine, and everybody who talks to it.
 * @module
 */
import { connect, createServer, type Socket } from "node:net";
import { TOTP } from "otpauth";
import { type AuthLogin, loginToAuth, openApi } from "../../src/api/connection.ts";
import type { ApiClient } from "../../src/api/client.ts";
import type { Trust } from "../../src/api/identity.ts";
import { JOIN_USER, joinAnswerer } from "../../src/api/join_proof.ts";
import { AuthService, type AuthSettings } from "../../src/auth/service.ts";
import { authSshServer } from "../../src/auth/ssh_front.ts";
import { type Clock, systemClock, toSeconds } from "../../src/base/clock.ts";
import { Secret } from "../../src/base/secret.ts";
import { EXTENSION } from "../../src/model/authority.ts";
import type { AuditEvent, EventName } from "../../src/model/event.ts";
import type { Identity, SystemRole } from "../../src/model/identity.ts";
import { ADMIN_ROLE, type User } from "../../src/model/user.ts";
import { type Certificate, type CertificateTemplate, issueCertificate } from "../../src/ssh/certificate.ts";
import { connectSsh, type Credential, type SshClient } from "../../src/ssh/client.ts";
import { generateKey, type PrivateKey } from "../../src/ssh/private_key.ts";
import type { HostCredential, SshServer } from "../../src/ssh/server.ts";
import type { Backend } from "../../src/store/backend.ts";
import { MemoryBackend } from "../../src/store/memory.ts";
import { MemoryFiles } from "./memory_files.ts";

/** scrypt for tests: the algorithm of the product at a cost that lets thousands run. */
export const CHEAP = { n: 1024, r: 8, p: 1 };
export const PASSWORD = "correct horse battery";

export interface AuthFixtureOptions {
  clock?: Clock;
  backend?: Backend;
  files?: MemoryFiles;
  settings?: Partial<AuthSettings>;
}

const DEADLINE_MS = 10_000;

/** What a test may change in a certificate that it has signed. */
export type CertificateChange = Partial<CertificateTemplate> & { ca?: PrivateKey };

export interface Connected {
  ssh: SshClient;
  api: ApiClient;
}

/** The six digits that an authenticator shows for `secret` at `now`. */
export function codeAt(secret: string, now: number): string {
  return new TOTP({ algorithm: "SHA1", digits: 6, period: 30, secret }).generate({ timestamp: now });
}

/** The secret of an `otpauth://` URI. */
export function secretOf(otpUri: string): string {
  return new URL(otpUri).searchParams.get("secret") ?? "";
}

/** The auth service alone, without a socket. */
export async function openAuth(
  options: AuthFixtureOptions = {},
): Promise<{ auth: AuthService; backend: Backend; files: MemoryFiles; clock: Clock }> {
  const clock = options.clock ?? systemClock;
  const backend = options.backend ?? new MemoryBackend(clock);
  const files = options.files ?? new MemoryFiles(clock);
  const auth = await AuthService.open(backend, files, clock, {
    clusterName: "test.example.com",
    secondFactor: "otp",
    sessionRecording: "node",
    staticTokens: [],
    logDirectory: "/log",
    recordingsDirectory: "/log/sessions",
    passwordCost: CHEAP,
    ...options.settings,
  });
  return { auth, backend, files, clock };
}

/** Invites a user and completes the invitation, as the web page does. @returns the second factor's secret */
export async function signUp(auth: AuthService, name: string, logins = [name]): Promise<string> {
  const { token } = await auth.signup.invite(name, { roles: [ADMIN_ROLE], logins }, 3_600_000, "test");
  const { otpUri } = await auth.signup.describe(new Secret(token));
  const secret = secretOf(otpUri ?? "");
  const code = codeAt(secret, auth.clock.now());
  await auth.signup.complete(new Secret(token), new Secret(PASSWORD), new Secret(code));
  return secret;
}

/** Tries a login with a code of `secret`, or with the code given. */
export async function logIn(
  auth: AuthService,
  attempt: { user: string; password?: string; secret?: string; code?: string },
): Promise<User> {
  const { user, password = PASSWORD, secret, code = codeAt(secret ?? "", auth.clock.now()) } = attempt;
  return await auth.login.check({
    user,
    password: new Secret(password),
    factor: new Secret(code),
    address: "192.0.2.7",
  });
}

export class AuthFixture implements AsyncDisposable {
  readonly #closers: (() => void)[] = [];

  constructor(
    readonly auth: AuthService,
    readonly server: SshServer<Identity>,
    readonly listener: ReturnType<typeof createServer>,
    readonly port: number,
    readonly backend: Backend,
    readonly files: MemoryFiles,
    readonly clock: Clock,
    readonly host: HostCredential & { hostId: string },
  ) {}

  get cluster(): string {
    return this.auth.authorities.cluster;
  }

  /** Shows clients a certificate of the host CA as it is now, as the product does after a rotation. */
  async presentOwnCertificate(): Promise<void> {
    const { key, hostId } = this.host;
    const host = { hostId, role: "auth" as const, names: [hostId, "localhost"] };
    const certificate = await this.auth.issuer.forHost(host, key.publicKey.toLine());
    this.server.setHostCredential({ key, certificate });
  }

  get trust(): Trust {
    const { authorities } = this.auth;
    return { cluster: this.cluster, user: authorities.trusted("user"), host: authorities.trusted("host") };
  }

  /** A new TCP connection to the auth server. */
  dial(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, "127.0.0.1", () => {
        this.#closers.push(() => socket.destroy());
        resolve(socket);
      });
      socket.once("error", reject);
    });
  }

  /** A user's certificate, signed by the user CA unless the change says otherwise. */
  userCertificate(name: string, key: PrivateKey, change: CertificateChange = {}): Certificate {
    const { ca = this.auth.authorities.signer("user"), ...template } = change;
    return issueCertificate(ca, {
      kind: "user",
      key: key.publicKey,
      keyId: name,
      principals: [name],
      validAfter: toSeconds(this.clock.now()) - 60,
      validBefore: toSeconds(this.clock.now()) + 3600,
      extensions: { [EXTENSION.roles]: JSON.stringify({ version: "v1", roles: [ADMIN_ROLE] }) },
      ...template,
    });
  }

  /** A host's certificate, signed by the host CA unless the change says otherwise. */
  hostCertificate(
    role: SystemRole,
    hostId: string,
    key: PrivateKey,
    change: CertificateChange = {},
  ): Certificate {
    const { ca = this.auth.authorities.signer("host"), ...template } = change;
    return issueCertificate(ca, {
      kind: "host",
      key: key.publicKey,
      keyId: hostId,
      principals: [hostId],
      validAfter: toSeconds(this.clock.now()) - 60,
      validBefore: Infinity,
      extensions: { [EXTENSION.hostRole]: role, [EXTENSION.cluster]: this.cluster },
      ...template,
    });
  }

  /** Everything a user logs in with. */
  userLogin(name: string, change: CertificateChange = {}): AuthLogin {
    const key = generateKey();
    return this.login(name, { key, certificate: this.userCertificate(name, key, change) });
  }

  hostLogin(
    role: SystemRole,
    hostId: string = crypto.randomUUID(),
    change: CertificateChange = {},
  ): AuthLogin {
    const key = generateKey();
    return this.login(hostId, { key, certificate: this.hostCertificate(role, hostId, key, change) });
  }

  login(username: string, credential: Credential): AuthLogin {
    return { username, credential, trust: this.trust };
  }

  async connect(login: AuthLogin): Promise<Connected> {
    const ssh = await loginToAuth(await this.dial(), login, this.clock);
    return { ssh, api: await openApi(ssh) };
  }

  /** Writes a user's record, over what was there. */
  async putUser(name: string, roles: string[] = [ADMIN_ROLE], change: Partial<User> = {}): Promise<void> {
    const user = { name, roles, traits: { logins: [name] }, created: 0, createdBy: "test", ...change };
    await this.backend.commit([{ type: "put", key: ["user", name], value: JSON.stringify(user) }]);
    this.auth.changes.changed("users");
  }

  /** A user with exactly these roles, in the record as in the certificate. */
  async connectUser(name: string, roles: string[] = [ADMIN_ROLE]): Promise<Connected> {
    await this.putUser(name, roles);
    const extensions = { [EXTENSION.roles]: JSON.stringify({ version: "v1", roles }) };
    return await this.connect(this.userLogin(name, { extensions }));
  }

  connectHost(role: SystemRole, hostId?: string): Promise<Connected> {
    return this.connect(this.hostLogin(role, hostId));
  }

  /** A host that proved a join token and has not joined yet. */
  async connectJoiner(token: string): Promise<Connected> {
    const ssh = await connectSsh({
      stream: await this.dial(),
      username: JOIN_USER,
      answer: joinAnswerer(new Secret(token)).answer,
      verifyHost: () => {},
    });
    return { ssh, api: await openApi(ssh) };
  }

  async events(...names: EventName[]): Promise<AuditEvent[]> {
    return await this.auth.audit.search({ events: names.length > 0 ? names : undefined });
  }

  /** Waits until `count` events of a kind are in the log. */
  async eventually(name: EventName, count = 1): Promise<AuditEvent[]> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`there was no ${name} event in time`)), DEADLINE_MS);
    try {
      for (;;) {
        const appended = this.files.appended();
        const found = await this.events(name);
        if (found.length >= count) return found;
        await Promise.race([appended, late]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closers) close();
    this.server.close();
    await new Promise<void>((resolve) => this.listener.close(() => resolve()));
    await this.auth.close();
  }
}

/** Starts an auth server on 127.0.0.1. */
export async function startAuth(options: AuthFixtureOptions = {}): Promise<AuthFixture> {
  const { auth, backend, files, clock } = await openAuth(options);
  const key = generateKey();
  const hostId = crypto.randomUUID();
  const certificate = await auth.issuer.forHost(
    { hostId, role: "auth", names: [hostId, "localhost"] },
    key.publicKey.toLine(),
  );
  const server = authSshServer(auth, { key, certificate });
  const listener = createServer((socket) => server.accept(socket));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as { port: number };
  return new AuthFixture(auth, server, listener, port, backend, files, clock, { key, certificate, hostId });
}
