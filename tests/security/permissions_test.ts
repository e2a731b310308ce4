import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  describePermissions,
  OUTBOUND_PERMISSIONS,
  type PermissionFacts,
  rolePermissions,
} from "../../src/daemon/permissions.ts";
import { findLibcrypto } from "../../src/daemon/supervisor.ts";
import type { Attempt, Outcome } from "../kit/permission_probe.ts";

type Role = "auth" | "proxy" | "node";

/** A data directory with a secret in every role's folder, and a listener to dial. */
class Fixture implements AsyncDisposable {
  storeDirectory: string | undefined;
  store: PermissionFacts["store"];
  auditSinks: PermissionFacts["auditSinks"];

  private constructor(readonly dataDir: string, readonly listener: Deno.TcpListener) {
    this.storeDirectory = `${dataDir}/auth`;
  }

  static async make(): Promise<Fixture> {
    const dataDir = await Deno.makeTempDir({ prefix: "teleport-permissions-" });
    for (const folder of ["auth", "proxy", "node", "log", "tls"]) {
      await Deno.mkdir(`${dataDir}/${folder}`);
      await Deno.writeTextFile(`${dataDir}/${folder}/secret`, folder);
    }
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const fixture = new Fixture(dataDir, listener);
    void fixture.#answer();
    return fixture;
  }

  async #answer(): Promise<void> {
    for await (const connection of this.listener) {
      await connection.write(new TextEncoder().encode("HTTP/1.0 204 No Content\r\n\r\n"));
      connection.close();
    }
  }

  get port(): number {
    return this.listener.addr.port;
  }

  facts(role: Role): PermissionFacts {
    return {
      directory: `${this.dataDir}/${role}`,
      storeDirectory: this.storeDirectory,
      logDirectory: `${this.dataDir}/log`,
      recordingsDirectory: `${this.dataDir}/log/sessions`,
      httpsFiles: [`${this.dataDir}/tls/secret`],
      auditSinks: this.auditSinks,
      store: this.store,
      libcrypto: findLibcrypto(),
    };
  }

  /** Runs attempts inside a Worker with the role's exact permissions. */
  async inside(role: Role | "outbound", attempts: Attempt[]): Promise<Outcome[]> {
    const worker = new Worker(new URL("../kit/permission_probe.ts", import.meta.url), {
      type: "module",
      deno: {
        permissions: role === "outbound" ? OUTBOUND_PERMISSIONS : rolePermissions(role, this.facts(role)),
      },
    });
    try {
      return await new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => {
          event.preventDefault();
          reject(new Error(event.message));
        };
        worker.postMessage(attempts);
      });
    } finally {
      worker.terminate();
    }
  }

  /** Asserts that a role can do none of these. */
  async denied(role: Role | "outbound", attempts: Attempt[]): Promise<void> {
    const outcomes = await this.inside(role, attempts);
    attempts.forEach((attempt, i) => {
      assertMatch(
        outcomes[i] ?? "",
        /NotCapable|Requires .* access|EACCES|EPERM/,
        `${role}: ${JSON.stringify(attempt)}`,
      );
    });
  }

  /** Asserts that a role can do all of these. */
  async allowed(role: Role | "outbound", attempts: Attempt[]): Promise<void> {
    const outcomes = await this.inside(role, attempts);
    assertEquals(
      attempts.map((attempt, i) => ({ attempt, outcome: outcomes[i] })),
      attempts.map((attempt) => ({ attempt, outcome: "done" })),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.close();
    await Deno.remove(this.dataDir, { recursive: true });
  }
}

const LIBC = "libc.so.6";
const SECRET_VARIABLES = ["HOME", "PATH", "SSH_AUTH_SOCK", "TELEPORT_CONFIG", "AWS_SECRET_ACCESS_KEY"];
const environment = (): Attempt[] => [
  ...SECRET_VARIABLES.map((path) => ({ try: "env" as const, path })),
  { try: "allEnv" },
];
const programs: Attempt[] = [{ try: "run" }, { try: "runWithNode" }];

Deno.test("the helper that calls identity providers dials, and reads, writes, loads and starts nothing", async () => {
  await using fixture = await Fixture.make();
  const { port, dataDir } = fixture;
  await fixture.allowed("outbound", [{ try: "connect", port }, { try: "connectWithNode", port }]);
  await fixture.denied("outbound", [
    ...programs,
    ...environment(),
    { try: "hostname" },
    { try: "dlopen", path: LIBC },
    ...["auth", "proxy", "node", "log", "tls"].flatMap((folder): Attempt[] => [
      { try: "read", path: `${dataDir}/${folder}/secret` },
      { try: "readWithNode", path: `${dataDir}/${folder}/secret` },
      { try: "write", path: `${dataDir}/${folder}/new` },
      { try: "list", path: `${dataDir}/${folder}` },
    ]),
    { try: "openKv", path: `${dataDir}/auth/store.sqlite` },
    { try: "import", path: "https://deno.land/std/version.ts" },
  ]);
});

Deno.test("the auth role dials nobody, listens nowhere and starts nothing", async () => {
  await using fixture = await Fixture.make();
  const { port } = fixture;
  await fixture.denied("auth", [
    { try: "connect", port },
    { try: "connectWithNode", port },
    { try: "fetch", port },
    { try: "listen" },
    ...programs,
    ...environment(),
    { try: "hostname" },
    { try: "import", path: `http://127.0.0.1:${port}/module.js` },
    { try: "import", path: "https://deno.land/std/version.ts" },
    { try: "dlopen", path: LIBC },
    { try: "dlopen", path: findLibcrypto() ?? LIBC },
  ]);
});

Deno.test("with collectors of the audit log the auth role dials these, reads their files, and does nothing else", async () => {
  await using fixture = await Fixture.make();
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { dataDir, port } = fixture;
  fixture.auditSinks = { net: [`127.0.0.1:${port}`], read: [`${dataDir}/tls/secret`] };
  await fixture.allowed("auth", [
    { try: "connectWithNode", port },
    { try: "read", path: `${dataDir}/tls/secret` },
  ]);
  await fixture.denied("auth", [
    { try: "connect", port: other.addr.port },
    { try: "connectWithNode", port: other.addr.port },
    { try: "fetch", port: other.addr.port },
    { try: "write", path: `${dataDir}/tls/secret` },
    { try: "read", path: `${dataDir}/proxy/secret` },
    { try: "listen" },
    ...programs,
    ...environment(),
    { try: "dlopen", path: LIBC },
  ]);
});

Deno.test("with a store elsewhere the auth role dials that, reads its certificates, and opens no embedded one", async () => {
  await using fixture = await Fixture.make();
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { dataDir, port } = fixture;
  fixture.storeDirectory = undefined;
  fixture.store = { net: [`127.0.0.1:${port}`], read: [`${dataDir}/tls/secret`] };
  await fixture.allowed("auth", [
    { try: "connectWithNode", port },
    { try: "read", path: `${dataDir}/tls/secret` },
    { try: "write", path: `${dataDir}/auth/written` },
  ]);
  await fixture.denied("auth", [
    { try: "connect", port: other.addr.port },
    { try: "fetch", port: other.addr.port },
    { try: "write", path: `${dataDir}/tls/secret` },
    { try: "read", path: `${dataDir}/proxy/secret` },
    { try: "openKv", path: `${dataDir}/store.sqlite` },
    { try: "listen" },
    ...programs,
    ...environment(),
    { try: "dlopen", path: LIBC },
  ]);
});

Deno.test("the auth role reads and writes its store and log, and nobody else's files", async () => {
  await using fixture = await Fixture.make();
  const { dataDir } = fixture;
  await fixture.denied("auth", [
    { try: "read", path: "/etc/passwd" },
    { try: "readWithNode", path: "/etc/passwd" },
    { try: "read", path: `${dataDir}/proxy/secret` },
    { try: "read", path: `${dataDir}/node/secret` },
    { try: "readWithNode", path: `${dataDir}/node/secret` },
    { try: "read", path: `${dataDir}/auth/../proxy/secret` },
    { try: "read", path: "/proc/self/environ" },
    { try: "list", path: dataDir },
    { try: "write", path: `${dataDir}/proxy/written` },
    { try: "write", path: `${dataDir}/node/written` },
    { try: "write", path: `${dataDir}/written` },
    { try: "write", path: "/tmp/teleport-probe-written" },
    { try: "openKv", path: `${dataDir}/proxy/store.sqlite` },
  ]);
  await fixture.allowed("auth", [
    { try: "read", path: `${dataDir}/auth/secret` },
    { try: "write", path: `${dataDir}/auth/written` },
    { try: "write", path: `${dataDir}/log/written` },
    { try: "list", path: `${dataDir}/log` },
    { try: "openKv", path: `${dataDir}/auth/store.sqlite` },
  ]);
});

Deno.test("the proxy role reads and writes its own folder and loads libcrypto, and nothing else", async () => {
  await using fixture = await Fixture.make();
  const { dataDir, port } = fixture;
  await fixture.denied("proxy", [
    { try: "read", path: `${dataDir}/auth/secret` },
    { try: "readWithNode", path: `${dataDir}/auth/secret` },
    { try: "import", path: `file://${dataDir}/auth/secret.js` },
    { try: "openKv", path: `${dataDir}/auth/store.sqlite` },
    { try: "read", path: `${dataDir}/node/secret` },
    { try: "read", path: `${dataDir}/log/secret` },
    { try: "read", path: "/etc/passwd" },
    { try: "read", path: "/proc/self/environ" },
    { try: "list", path: dataDir },
    { try: "write", path: `${dataDir}/auth/written` },
    { try: "write", path: `${dataDir}/tls/secret` },
    { try: "write", path: "/tmp/teleport-probe-written" },
    ...programs,
    ...environment(),
    { try: "hostname" },
    { try: "import", path: `http://127.0.0.1:${port}/module.js` },
    { try: "import", path: "https://deno.land/std/version.ts" },
    { try: "dlopen", path: LIBC },
    { try: "dlopen", path: "/lib/x86_64-linux-gnu/libc.so.6" },
  ]);
  const libcrypto = findLibcrypto();
  if (libcrypto === undefined) console.log("skipped: this machine has no libcrypto to load");
  await fixture.allowed("proxy", [
    { try: "read", path: `${dataDir}/proxy/secret` },
    { try: "write", path: `${dataDir}/proxy/written` },
    { try: "read", path: `${dataDir}/tls/secret` },
    { try: "connect", port },
    ...(libcrypto === undefined ? [] : [{ try: "dlopen" as const, path: libcrypto }]),
  ]);
});

Deno.test("the node role starts programs only through its own launcher, and reads no other role's files by Deno's calls", async () => {
  await using fixture = await Fixture.make();
  const { dataDir, port } = fixture;
  await fixture.denied("node", [
    { try: "read", path: `${dataDir}/auth/secret` },
    { try: "readWithNode", path: `${dataDir}/auth/secret` },
    { try: "import", path: `file://${dataDir}/auth/secret.js` },
    { try: "openKv", path: `${dataDir}/auth/store.sqlite` },
    { try: "read", path: `${dataDir}/proxy/secret` },
    { try: "read", path: `${dataDir}/log/secret` },
    { try: "list", path: dataDir },
    { try: "write", path: `${dataDir}/auth/written` },
    { try: "write", path: "/tmp/teleport-probe-written" },
    ...programs,
    ...environment(),
    { try: "hostname" },
    { try: "import", path: `http://127.0.0.1:${port}/module.js` },
    { try: "import", path: "https://deno.land/std/version.ts" },
  ]);
  await fixture.allowed("node", [
    { try: "read", path: `${dataDir}/node/secret` },
    { try: "write", path: `${dataDir}/node/written` },
    { try: "connect", port },
    { try: "dlopen", path: LIBC },
  ]);
});

Deno.test("a store that lies in the data directory itself opens no other role's folder to the auth role", async () => {
  await using fixture = await Fixture.make();
  const { dataDir } = fixture;
  fixture.storeDirectory = dataDir; // as old files have it: storage: {type: bolt, path: /var/lib/teleport}
  await fixture.denied("auth", [
    { try: "read", path: `${dataDir}/proxy/secret` },
    { try: "read", path: `${dataDir}/node/secret` },
    { try: "write", path: `${dataDir}/node/written` },
    { try: "list", path: dataDir },
  ]);
  await fixture.allowed("auth", [{ try: "openKv", path: `${dataDir}/store.sqlite` }]);
});

Deno.test("a proxy without libcrypto loads no library at all", async () => {
  await using fixture = await Fixture.make();
  const permissions = rolePermissions("proxy", { ...fixture.facts("proxy"), libcrypto: undefined });
  assertEquals(permissions.ffi, false);
});

Deno.test("the permissions in words name every folder and no wildcard for auth", () => {
  const facts: PermissionFacts = {
    directory: "/data/auth",
    storeDirectory: "/data/auth",
    logDirectory: "/data/log",
    recordingsDirectory: "/data/log/sessions",
    httpsFiles: [],
    libcrypto: undefined,
  };
  const words = describePermissions(rolePermissions("auth", facts));
  assertEquals(words.net, "none");
  assertEquals(words.ffi, "none");
  assertEquals(words.run, "none");
  assertEquals(words.sys, "none");
  assert(words.read?.includes("/data/auth") && words.read.includes("/data/log"));
  assert(!Object.values(words).includes("all"));
});
