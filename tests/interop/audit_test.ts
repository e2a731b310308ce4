/**
 * What others see of the servers of a real daemon with its default settings: stock ssh with all it has to say, and the
 * auditing tool ssh-audit.
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ensure, SSH_AUDIT } from "../../scripts/prerequisites.ts";
import { DEFAULT_ALGORITHMS } from "../../src/ssh/algorithms.ts";
import { SIGNATURE_ALGORITHMS } from "../../src/ssh/signature.ts";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { run } from "../kit/run.ts";
import type { User } from "../kit/user.ts";

let cluster: Daemon;
let user: User;

Deno.test.beforeAll(async () => {
  cluster = await Daemon.start();
  user = await cluster.user("joe", [LOGIN]);
  await user.loginOk();
});

Deno.test.afterAll(() => cluster.stop());

const SERVERS = ["node", "proxySsh", "auth"] as const;

/** The lists of the server's KEXINIT, by the names that ssh gives them. */
function proposal(log: string): Record<string, string> {
  const [, text = ""] = /peer server KEXINIT proposal\r?\n([^]*?)first_kex_follows/.exec(log) ?? [];
  const lines = [...text.matchAll(/^debug2: ([\w ]+): (.*?)\r?$/gm)];
  return Object.fromEntries(lines.map(([, name = "", value = ""]) => [name, value]));
}

for (const server of SERVERS) {
  Deno.test(`ssh -vvv against ${server} shows strict key exchange, the lists we want, and no warning`, async () => {
    const address = (await cluster.addresses())[server];
    const command = { node: ["true"], proxySsh: ["-s", "proxysites"], auth: ["-s", "none"] }[server];
    const { stderr } = await run("ssh", [
      ...["-vvv", "-F", "none", "-i", user.keyFile, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
      ...["-o", `UserKnownHostsFile=${user.options.home}/.tsh/known_hosts`],
      ...["-o", "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=/dev/null"],
      // Host certificates name the machine; tsh's known_hosts knows hosts by their cluster's domain.
      ...["-o", `HostKeyAlias=alpha.main`, "-p", `${address?.port}`],
      ...[`${server === "auth" ? "joe" : LOGIN}@127.0.0.1`, ...command],
    ], { env: { HOME: user.options.home } });
    assertStringIncludes(stderr, "Authenticated to 127.0.0.1");
    assertStringIncludes(stderr, "will use strict KEX ordering");
    assertStringIncludes(stderr, "resetting send seqnr");
    assertStringIncludes(stderr, "resetting read seqnr");
    const { ciphers, kex, macs } = DEFAULT_ALGORITHMS;
    assertEquals(proposal(stderr), {
      "KEX algorithms": [...kex, "kex-strict-s-v00@openssh.com"].join(","),
      "host key algorithms": "ssh-ed25519-cert-v01@openssh.com",
      "ciphers ctos": ciphers.join(","),
      "ciphers stoc": ciphers.join(","),
      "MACs ctos": macs.join(","),
      "MACs stoc": macs.join(","),
      "compression ctos": "none",
      "compression stoc": "none",
      "languages ctos": "",
      "languages stoc": "",
    });
    assertStringIncludes(stderr, `server-sig-algs=<${SIGNATURE_ALGORITHMS.join(",")}>`);
    assertEquals(/warning/i.test(stderr), false, stderr);
  });
}

Deno.test("ssh-audit finds nothing to fail on node, proxy and auth", async () => {
  if ((await ensure([SSH_AUDIT])).length > 0) {
    console.log(
      "skipped: the program ssh-audit (Debian package ssh-audit) is not here and cannot be installed",
    );
    return;
  }
  for (const server of SERVERS) {
    const address = (await cluster.addresses())[server];
    const { code, stdout, stderr } = await run("ssh-audit", ["-n", "-p", `${address?.port}`, "127.0.0.1"]);
    assertStringIncludes(stdout, "(kex) curve25519-sha256", stderr); // it did see the server
    assertEquals(stdout.includes("[fail]"), false, stdout);
    assert(code === 0 || code === 2, `${server}: ${code}\n${stdout}`); // 2: warnings, 3: failures
    const warned = stdout.split("\n").filter((line) => line.includes("[warn]"));
    // Its older versions do not know the marker of strict key exchange.
    assertEquals(warned.filter((line) => !line.includes("kex-strict-s-v00@openssh.com")), [], stdout);
  }
});
