import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { type Result, run } from "../kit/run.ts";
import { ending } from "../kit/second_node.ts";
import type { User } from "../kit/user.ts";

let cluster: Daemon;
let user: User;

Deno.test.beforeAll(async () => {
  cluster = await Daemon.start({
    teleport: {
      ciphers: ["aes256-ctr", "arcfour256"],
      kex_algos: ["ecdh-sha2-nistp256", "diffie-hellman-group1-sha1"],
      mac_algos: ["hmac-sha2-256", "hmac-sha1"],
    },
  });
  user = await cluster.user("joe", [LOGIN]);
  await user.loginOk();
});

Deno.test.afterAll(() => cluster.stop());

/** Stock ssh straight to one of the daemon's ports. */
async function ssh(server: "node" | "proxySsh" | "auth", args: readonly string[]): Promise<Result> {
  const address = (await cluster.addresses())[server];
  const command = { node: ["true"], proxySsh: ["-s", "proxysites"], auth: ["-s", "none"] }[server];
  return await run("ssh", [
    ...["-F", "none", "-i", user.keyFile, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
    ...["-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-v"],
    ...["-p", `${address?.port}`, ...args, `${server === "auth" ? "joe" : LOGIN}@127.0.0.1`, ...command],
  ], { env: { HOME: user.options.home } });
}

/** On every server of the daemon the one value works, and the other fails with what ssh says. */
async function assertOnly(good: readonly string[], bad: readonly string[], said: RegExp): Promise<void> {
  for (const server of ["node", "proxySsh", "auth"] as const) {
    const right = await ssh(server, good);
    assertMatch(right.stderr, /Authenticated to 127\.0\.0\.1/, `${server} ${good}`);
    if (server !== "auth") assertEquals(right.code, 0, `${server}: ${right.stderr}`); // which has no such subsystem
    const wrong = await ssh(server, bad);
    assertEquals(wrong.code, 255, `${server} ${bad}: ${wrong.stderr}`);
    assertMatch(wrong.stderr, said, server);
    assertMatch(wrong.stderr, /Unable to negotiate/, server);
  }
}

Deno.test("ciphers limits the ciphers of node, proxy and auth", async () => {
  await assertOnly(["-c", "aes256-ctr"], ["-c", "aes128-ctr"], /no matching cipher found/);
  await assertOnly([], ["-c", "chacha20-poly1305@openssh.com"], /Their offer: aes256-ctr\r?\n/);
});

Deno.test("kex_algos limits the key exchanges of node, proxy and auth", async () => {
  const kex = (name: string) => ["-o", `KexAlgorithms=${name}`];
  const bad = kex("curve25519-sha256,diffie-hellman-group1-sha1");
  await assertOnly(kex("ecdh-sha2-nistp256"), bad, /no matching key exchange method found/);
});

Deno.test("mac_algos limits the MACs of node, proxy and auth", async () => {
  const bad = ["-m", "hmac-sha1,hmac-sha2-512"];
  await assertOnly(["-m", "hmac-sha2-256"], bad, /no matching MAC found.*Their offer: hmac-sha2-256\r?\n/);
});

Deno.test("the daemon's own connections use what was chosen, and tsh and tctl get along with it", async () => {
  const { code, stdout, stderr } = await user.tsh(["ssh", `${LOGIN}@alpha`, "echo", "hello"]);
  assertEquals([code, stdout], [0, "hello\n"], stderr);
  assertStringIncludes(await cluster.tctlOk("nodes", "ls"), "alpha");
});

Deno.test("names that are too weak are in the log, with their place", () => {
  for (
    const [name, what] of [
      ["arcfour256", "cipher"],
      ["diffie-hellman-group1-sha1", "KEX"],
      ["hmac-sha1", "MAC"],
    ]
  ) {
    const line = new RegExp(
      `teleport\\.yaml:\\d+:\\d+: ${what} \\\\?"${name}\\\\?" is too weak: it is not offered`,
    );
    assertMatch(cluster.stderr, line);
  }
});

Deno.test("an unknown name, or a list of weak ones only, stops the start", async () => {
  for (
    const [ciphers, said] of [
      ["aes256-crt", 'cipher "aes256-crt" not supported; supported: chacha20-poly1305@openssh.com, '],
      ["arcfour256", '"teleport.ciphers" leaves no cipher to offer; use some of: chacha20-poly1305@'],
    ]
  ) {
    const daemon = await Daemon.spawn({ teleport: { ciphers: [ciphers] } });
    try {
      const { code, stderr } = await ending(daemon);
      assertEquals(code, 1);
      assertMatch(stderr, /teleport\.yaml:\d+:\d+: /);
      assertStringIncludes(stderr, said ?? "");
    } finally {
      await daemon.stop();
    }
  }
});
