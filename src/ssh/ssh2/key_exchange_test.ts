import { Client } from "./library.ts"; // with its patches, before ssh2's own modules
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { createDiffieHellmanGroup } from "node:crypto";
import { faultyPair } from "../../../tests/kit/fault_stream.ts";
import { rawClient, startSpyServer } from "../../../tests/kit/raw_ssh.ts";
import { DEFAULT_ALGORITHMS, usableNames } from "../algorithms.ts";
import { clientAlgorithms } from "./algorithms.ts";
import type { GroupKex, Kex } from "./internals.ts";
import { holdKexInit, releaseKexInit, withLists } from "./kex_patch.ts";
import { hardenExchange, onKeyExchange } from "./key_exchange.ts";
import { HOST_CERTIFICATE_ALGORITHMS } from "./key_patch.ts";

const GROUPS = usableNames("kex").filter((name) => name.startsWith("diffie-hellman"));

/** The values that RFC 4253 section 8 forbids, for one group. */
function forbidden(group: string): Record<string, Buffer> {
  const prime = createDiffieHellmanGroup(group).getPrime();
  const withSign = (bytes: Buffer) => Buffer.concat([Buffer.of(0), bytes]);
  const less = Buffer.from(prime);
  less[less.length - 1] = (less.at(-1) ?? 0) - 1; // a prime is odd
  return {
    nothing: Buffer.alloc(0),
    zero: Buffer.of(0),
    one: Buffer.of(1),
    "the prime less one": withSign(less),
    "the prime": withSign(prime),
    "more than the prime": withSign(Buffer.concat([prime, Buffer.of(0)])),
  };
}

function groupKex(groupName: string): GroupKex {
  return {
    type: "group",
    groupName,
    _dh: null,
    _public: null,
    generateKeys() {},
    computeSecret(this: GroupKex, value: Buffer) {
      this.generateKeys();
      return this._dh?.computeSecret(value) ?? new Error("no keys");
    },
  } as GroupKex;
}

Deno.test("both sides of a finite-field exchange come to the same secret, with a private exponent of 512 bits", () => {
  for (const group of ["modp14", "modp16", "modp18"]) {
    const [a, b] = [groupKex(group), groupKex(group)];
    for (const kex of [a, b]) {
      hardenExchange(kex);
      kex.generateKeys();
      assert((kex._dh?.getPrivateKey().length ?? 0) <= 64);
    }
    const [secret, same] = [
      a.computeSecret(b._public ?? Buffer.alloc(0)),
      b.computeSecret(a._public ?? Buffer.alloc(0)),
    ];
    assertEquals(secret, same);
    for (const [what, value] of Object.entries(forbidden(group))) {
      assert(a.computeSecret(value) instanceof Error, what);
    }
    assertEquals(a.computeSecret(Buffer.of(2)) instanceof Error, false);
  }
});

Deno.test("other key exchanges are left as they are", () => {
  for (const type of ["ecdh", "groupex"] as const) {
    const secret = Buffer.from("its own");
    const kex = { type, computeSecret: () => secret } as unknown as Kex;
    hardenExchange(kex);
    assertEquals(kex.computeSecret(Buffer.of(1)), secret);
  }
});

Deno.test("a server ends a key exchange whose public value is outside of the group or of the curve", async () => {
  await using server = await startSpyServer();
  const tries: [string, Buffer][] = GROUPS.flatMap((name) => {
    const group = `modp${/group(\d+)/.exec(name)?.[1]}`;
    return Object.values(forbidden(group)).map((value): [string, Buffer] => [name, value]);
  });
  for (const value of [Buffer.alloc(32), Buffer.alloc(31, 7), Buffer.alloc(33, 7), Buffer.of(1)]) {
    tries.push(["curve25519-sha256", value]); // of small order, or of another length
  }
  for (const [name, publicValue] of tries) {
    const stream = await server.dial();
    await assertRejects(() => rawClient(stream, { kex: [name], publicValue }), Error, "hung up", name);
  }
  assertEquals(server.refusals.length, tries.length);
  for (const refusal of server.refusals) assertMatch(refusal, /Error while computing DH secret/);
  for (const name of [...GROUPS, "curve25519-sha256"]) {
    const client = await rawClient(await server.dial(), { kex: [name] });
    assertEquals(client.kex.kex, name);
    client.close();
  }
});

/** A client's protocol before the server has said anything. */
function freshClient() {
  const [ours, theirs] = faultyPair();
  const library = new Client();
  library.on("error", () => {}); // left alone at the end
  library.connect({ sock: ours, username: "joe", algorithms: clientAlgorithms(HOST_CERTIFICATE_ALGORITHMS) });
  return { protocol: library._protocol, theirs, close: () => ours.destroy() };
}

Deno.test("ssh2 has what the watch over key exchanges leans on", () => {
  const { protocol, close } = freshClient();
  const { lists } = protocol._offer;
  assertEquals(lists.kex.array.slice(-2), ["ext-info-c", "kex-strict-c-v00@openssh.com"]);
  assertEquals(lists.serverHostKey.array, [...HOST_CERTIFICATE_ALGORITHMS]);
  for (const direction of [lists.cs, lists.sc]) {
    assertEquals(direction.cipher.array, [...DEFAULT_ALGORITHMS.ciphers]);
    assertEquals(direction.compress.array, ["none"]);
    assert(direction.mac.array.length > 0);
  }
  assertEquals(typeof protocol._onHeader, "function");
  assertEquals(typeof protocol._onHandshakeComplete, "function");
  assertEquals(typeof protocol._parse, "function");
  assertEquals(protocol._strictMode, undefined);
  assertEquals(protocol._decipher, undefined);
  assertEquals(protocol._packetRW.write.allocStartKEX, 5);
  close();
});

Deno.test("other lists change nothing else of an offer", () => {
  const { protocol, close } = freshClient();
  const { lists } = withLists(protocol._offer, { kex: ["a"], ciphers: ["b", "c"] });
  assertEquals(lists.kex.array, ["a"]);
  assertEquals([lists.cs.cipher.array, lists.sc.cipher.array], [["b", "c"], ["b", "c"]]);
  assertEquals(lists.cs.mac.array, protocol._offer.lists.cs.mac.array);
  assertEquals(lists.serverHostKey.array, protocol._offer.lists.serverHostKey.array);
  close();
});

Deno.test("a KEXINIT that is held leaves when it is released, and once", async () => {
  const { protocol, theirs, close } = freshClient();
  const header = Promise.withResolvers<void>();
  const onHeader = protocol._onHeader;
  protocol._onHeader = (value) => {
    holdKexInit(protocol);
    onHeader(value);
    header.resolve();
  };
  let received = Buffer.alloc(0);
  theirs.on("data", (chunk: Buffer) => received = Buffer.concat([received, chunk]));
  theirs.write("SSH-2.0-test\r\n");
  await header.promise;
  assertEquals(protocol._kexinit, undefined);
  releaseKexInit(protocol);
  assertEquals(protocol._kexinit?.[0], 20);
  releaseKexInit(protocol);
  await new Promise((resolve) => theirs.once("data", resolve));
  const text = received.toString("latin1");
  assertEquals(text.split("kex-strict-c-v00@openssh.com").length, 2, "sent once");
  close();
});

Deno.test("every watcher sees every key exchange, with its algorithms, before ssh2 goes on", async () => {
  await using server = await startSpyServer();
  const library = new Client();
  const seen: string[] = [];
  library.on("error", () => {}); // it never logs in
  library.connect({
    sock: await server.dial(),
    username: "joe",
    algorithms: clientAlgorithms(HOST_CERTIFICATE_ALGORITHMS),
    hostVerifier: () => false,
  });
  onKeyExchange(library._protocol, (kex) => void seen.push(`first ${kex.negotiated.kex}`));
  onKeyExchange(library._protocol, (kex) => void seen.push(`second ${kex.negotiated.kex}`));
  await new Promise((resolve) => library.once("close", resolve));
  assertEquals(seen, ["first curve25519-sha256", "second curve25519-sha256"]);
});
