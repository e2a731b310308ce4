/**
 * Every algorithm that can be configured, in both directions against OpenSSH: kex, cipher, MAC, host key, and user key
 * under CAs of each kind, from a file and from an agent. Each cell is a connection that moves data both ways over several
 * changes of keys. The matrix is printed.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { connect } from "node:net";
import { AgentClient } from "../../src/ssh/agent.ts";
import { agentCredential } from "../../src/ssh/agent_credential.ts";
import { type Algorithms, usableNames, useAlgorithms } from "../../src/ssh/algorithms.ts";
import { checkCertificate } from "../../src/ssh/certificate.ts";
import { useAeadMaker } from "../../src/ssh/cipher.ts";
import { connectSsh, type Credential, type RemoteCredential } from "../../src/ssh/client.ts";
import { LIBCRYPTO_PATHS, openLibcrypto } from "../../src/ssh/libcrypto.ts";
import { EchoServer } from "../kit/echo_server.ts";
import { LOGIN } from "../kit/machine.ts";
import { eventually } from "../kit/run.ts";
import { certify, KEY_KINDS, makeKey, signaturesOf } from "../kit/ssh_keys.ts";
import { Sshd } from "../kit/sshd.ts";

const CERTIFIED = "-cert-v01@openssh.com";
const ALL: Algorithms = {
  ciphers: usableNames("ciphers"),
  kex: usableNames("kex"),
  macs: usableNames("macs"),
};
const DATA = crypto.getRandomValues(new Uint8Array(60_000));
const AMOUNT = 10;
const LOAD = new Uint8Array(DATA.length * AMOUNT);
for (let i = 0; i < AMOUNT; i++) LOAD.set(DATA, i * DATA.length);
const REKEY = "RekeyLimit=200K";

/** One connection of the matrix. */
interface Cell {
  row: string;
  column: string;
  try(): Promise<void>;
}

/** Tries all cells, a few at a time, and prints the matrix. */
async function fill(title: string, cells: Cell[]): Promise<void> {
  const results = new Map<Cell, string>();
  const failures: string[] = [];
  const queue = [...cells];
  const work = async () => {
    for (let cell = queue.shift(); cell; cell = queue.shift()) {
      try {
        await cell.try();
        results.set(cell, "ok");
      } catch (error) {
        results.set(cell, "FAILED");
        failures.push(`${cell.row}, ${cell.column}: ${error instanceof Error ? error.message : error}`);
      }
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  const rows = [...new Set(cells.map(({ row }) => row))];
  const width = Math.max(...rows.map((row) => row.length));
  const lines = rows.map((row) => {
    const own = cells.filter((cell) => cell.row === row);
    return `  ${row.padEnd(width)}  ${
      own.map((cell) => `${cell.column} ${results.get(cell)}`.trim()).join("  ")
    }`;
  });
  console.log([title, ...lines].join("\n"));
  assertEquals(failures, []);
}

/** A running ssh-agent. */
async function withAgent(use: (agent: AgentClient, socket: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "agent-" });
  const socket = `${directory}/socket`;
  const child = new Deno.Command("ssh-agent", { args: ["-D", "-a", socket], stdout: "null" }).spawn();
  const dial = () =>
    new Promise<ReturnType<typeof connect>>((resolve, reject) => {
      const stream = connect(socket, () => resolve(stream));
      stream.once("error", reject);
    });
  try {
    const agent = new AgentClient(dial);
    await eventually("the agent to answer", () => agent.list().catch(() => undefined));
    await use(agent, socket);
  } finally {
    child.kill("SIGTERM");
    await child.status;
    await Deno.remove(directory, { recursive: true });
  }
}

function libcryptoPath(): string | undefined {
  return LIBCRYPTO_PATHS.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  });
}

/** The cells of one direction; `negotiate` makes a connection on which exactly that was negotiated. */
function algorithmCells(
  negotiate: (family: keyof Algorithms, name: string) => Promise<void>,
): Cell[] {
  const words = { kex: "kex", ciphers: "cipher", macs: "MAC" } as const;
  const families = ["kex", "ciphers", "macs"] as const;
  return families.flatMap((family) =>
    ALL[family].map((name) => ({
      row: `${words[family]} ${name}`,
      column: "",
      try: () => negotiate(family, name),
    }))
  );
}

async function withAlgorithms(use: () => Promise<void>): Promise<void> {
  useAlgorithms(ALL);
  try {
    await use();
  } finally {
    useAlgorithms(undefined);
    useAeadMaker(undefined);
  }
}

// --- OpenSSH's client with our server -----------------------------------------------------------------------------

/** Runs ssh, and looks at what it says was negotiated. */
async function fromOpenSsh(server: EchoServer, args: readonly string[], expected: RegExp[], env = {}) {
  const options = ["-o", REKEY, ...args];
  const { code, bytes, stderr } = await server.ssh(options, LOAD, { env });
  assertEquals(code, 0, `${stderr.slice(-800)}\n${server.refusals}`);
  assertEquals(bytes.length, LOAD.length);
  assert(bytes.every((byte, index) => byte === LOAD[index]), "the data came back changed");
  for (const pattern of expected) assertMatch(stderr, pattern);
  const exchanges = stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0;
  assert(exchanges > 2, `the keys were changed ${exchanges - 1} times only`);
}

const escaped = (text: string) => text.replaceAll(".", "\\.");

Deno.test("OpenSSH's client with our server: every algorithm", () =>
  withAlgorithms(async () => {
    await using server = await EchoServer.start();
    const identity = await server.identity(makeKey("ed25519"));
    const cells = algorithmCells((family, name) => {
      const option = { kex: "KexAlgorithms", ciphers: "Ciphers", macs: "MACs" }[family];
      const args = ["-i", identity, "-o", `${option}=${name}`];
      if (family === "macs") args.push("-c", "aes128-ctr"); // the others bring their own
      const line = { kex: "algorithm: ", ciphers: "cipher: ", macs: "MAC: " }[family];
      return fromOpenSsh(server, args, [new RegExp(`kex: .*${line}${escaped(name)}`)]);
    });
    await fill("ssh -> our server", cells);
    const path = libcryptoPath();
    if (path) {
      useAeadMaker(openLibcrypto(path));
      await fill("ssh -> our server, with libcrypto", cells.filter(({ row }) => row.startsWith("cipher")));
    } else console.log("skipped: there is no libcrypto on this machine");
  }));

Deno.test("OpenSSH's client with our server: every host certificate", async () => {
  const cells: Cell[] = [];
  await using servers = new AsyncDisposableStack();
  for (const kind of KEY_KINDS) {
    const server = servers.use(await EchoServer.start(kind));
    const identity = await server.identity(makeKey("ed25519"));
    for (const algorithm of signaturesOf(kind)) {
      const args = ["-i", identity, "-o", `HostKeyAlgorithms=${algorithm}${CERTIFIED}`];
      cells.push({
        row: `host key ${algorithm}`,
        column: "",
        try: () =>
          fromOpenSsh(server, args, [new RegExp(`host key algorithm: ${escaped(algorithm + CERTIFIED)}`)]),
      });
    }
  }
  await fill("ssh -> our server", cells);
});

Deno.test("OpenSSH's client with our server: every user certificate under every CA, from files and an agent", async () => {
  await using server = await EchoServer.start();
  const cells: Cell[] = [];
  await withAgent(async (agent, socket) => {
    const only = (algorithm: string) => ["-o", `PubkeyAcceptedAlgorithms=${algorithm}${CERTIFIED}`];
    for (const kind of KEY_KINDS) {
      const key = makeKey(kind);
      const certificate = certify(server.userCas.rsa, "user", key, ["joe"]);
      assert(await agent.add(key, certificate, kind, 600), `the agent takes the ${kind} key`);
      const files = await Promise.all(KEY_KINDS.map((ca) => server.identity(key, server.userCas[ca])));
      for (const algorithm of signaturesOf(kind)) {
        const row = `user key ${algorithm}`;
        for (const [index, ca] of KEY_KINDS.entries()) {
          const args = ["-i", files[index] ?? "", ...only(algorithm)];
          cells.push({
            row,
            column: `CA ${ca}`,
            try: () => fromOpenSsh(server, args, [/using "publickey"/]),
          });
        }
        const args = ["-o", "IdentityFile=none", "-o", "IdentitiesOnly=no", ...only(algorithm)];
        const env = { SSH_AUTH_SOCK: socket };
        cells.push({
          row,
          column: "agent",
          try: () => fromOpenSsh(server, args, [/using "publickey"/], env),
        });
      }
    }
    await fill("ssh -> our server", cells);
  });
});

// --- our client with OpenSSH's server -----------------------------------------------------------------------------

/** Logs in, sends the data through `cat`, and looks at what the server says was negotiated. */
async function toOpenSsh(
  sshd: Sshd,
  settings: readonly string[],
  credential: Credential | RemoteCredential,
  expected: RegExp[],
): Promise<void> {
  const { stream, log } = sshd.connect([REKEY, ...settings]);
  try {
    const client = await connectSsh({
      stream,
      username: LOGIN,
      credential,
      verifyHost(certificate) {
        const authorities = [sshd.hostCa.publicKey];
        const now = Date.now() / 1000;
        assertEquals(
          checkCertificate(certificate, { kind: "host", authorities, principal: "localhost", now }),
          undefined,
        );
      },
    });
    const session = await client.exec("cat");
    const received: Uint8Array[] = [];
    session.stream.on("data", (chunk: Uint8Array) => void received.push(Uint8Array.from(chunk)));
    session.stream.end(LOAD);
    assertEquals(await session.exit, { code: 0 });
    const bytes = new Uint8Array(await new Blob(received as BlobPart[]).arrayBuffer());
    assertEquals(bytes.length, LOAD.length);
    assert(bytes.every((byte, index) => byte === LOAD[index]), "the data came back changed");
    client.close();
    await client.closed;
  } finally {
    stream.destroy();
  }
  const text = await log;
  for (const pattern of expected) assertMatch(text, pattern);
  const exchanges = text.match(/rekey out|rekeying in progress|SSH2_MSG_NEWKEYS received/g)?.length ?? 0;
  assert(exchanges > 2, `the keys were changed ${exchanges} times only`);
}

Deno.test("our client with OpenSSH's server: every algorithm", () =>
  withAlgorithms(async () => {
    await using sshd = await Sshd.prepare();
    const key = makeKey("ed25519");
    const credential = { key, certificate: certify(sshd.userCas.ed25519, "user", key, [LOGIN]) };
    const cells = algorithmCells((family, name) => {
      const option = { kex: "KexAlgorithms", ciphers: "Ciphers", macs: "MACs" }[family];
      const settings = [`${option}=${name}`];
      if (family === "macs") settings.push("Ciphers=aes128-ctr");
      const line = { kex: "algorithm: ", ciphers: "cipher: ", macs: "MAC: " }[family];
      return toOpenSsh(sshd, settings, credential, [new RegExp(`kex: .*${line}${escaped(name)}`)]);
    });
    await fill("our client -> sshd", cells);
    const path = libcryptoPath();
    if (path) {
      useAeadMaker(openLibcrypto(path));
      await fill("our client -> sshd, with libcrypto", cells.filter(({ row }) => row.startsWith("cipher")));
    } else console.log("skipped: there is no libcrypto on this machine");
  }));

Deno.test("our client with OpenSSH's server: every host certificate", async () => {
  await using sshd = await Sshd.prepare();
  const key = makeKey("ed25519");
  const credential = { key, certificate: certify(sshd.userCas.ed25519, "user", key, [LOGIN]) };
  await fill(
    "our client -> sshd",
    KEY_KINDS.flatMap(signaturesOf).map((algorithm) => ({
      row: `host key ${algorithm}`,
      column: "",
      try: () =>
        toOpenSsh(sshd, [`HostKeyAlgorithms=${algorithm}${CERTIFIED}`], credential, [
          new RegExp(`host key algorithm: ${escaped(algorithm + CERTIFIED)}`),
        ]),
    })),
  );
});

Deno.test("our client with OpenSSH's server: every user certificate under every CA, from files and an agent", async () => {
  await using sshd = await Sshd.prepare();
  await withAgent(async (agent) => {
    const cells: Cell[] = [];
    for (const kind of KEY_KINDS) {
      const key = makeKey(kind);
      const inAgent = certify(sshd.userCas.rsa, "user", key, [LOGIN]);
      assert(await agent.add(key, inAgent, kind, 600), `the agent takes the ${kind} key`);
      for (const algorithm of signaturesOf(kind)) {
        const cell = (column: string, credential: Credential | RemoteCredential): Cell => ({
          row: `user key ${algorithm}`,
          column,
          try: () =>
            toOpenSsh(sshd, [`PubkeyAcceptedAlgorithms=${algorithm}${CERTIFIED}`], credential, [
              /Accepted publickey for/,
            ]),
        });
        for (const ca of KEY_KINDS) {
          cells.push(cell(`CA ${ca}`, { key, certificate: certify(sshd.userCas[ca], "user", key, [LOGIN]) }));
        }
        cells.push(cell("agent", agentCredential(agent, inAgent)));
      }
    }
    await fill("our client -> sshd", cells);
  });
});
