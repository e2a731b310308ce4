import { assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { selfSigned } from "../../src/proxy/web/self_signed.ts";
import { Daemon } from "../kit/cluster.ts";
import { joinToken, startNode } from "../kit/second_node.ts";

const ONLY_AUTH = { node: { enabled: "no" }, proxy: { enabled: "no" } };

/** Starts an auth server with a `license_file` and gives what it says of it. */
async function said(directory: string, licenseFile: string | undefined): Promise<string | undefined> {
  await using daemon = await Daemon.start({ ...ONLY_AUTH, directory, auth: { license_file: licenseFile } });
  return daemon.stderr.split("\n").find((line) => line.includes("[license]"));
}

Deno.test("the license is found by absolute and relative path and by default, and is never needed", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-license-" });
  try {
    const { key, cert } = await selfSigned(["acme.example.com"], systemClock);
    const good = /INFO +\[license\] the license \S+ of CN=acme\.example\.com is good until 20\d\d-/;
    assertEquals(await said(directory, undefined), undefined);
    assertEquals(await said(directory, "/no/such/license.pem"), undefined);
    await Deno.writeTextFile(`${directory}/absolute.pem`, cert + key);
    assertMatch(await said(directory, `${directory}/absolute.pem`) ?? "", good);
    await Deno.writeTextFile(`${directory}/data/mine.pem`, cert + key);
    assertMatch(await said(directory, "mine.pem") ?? "", good);
    await Deno.writeTextFile(`${directory}/data/license.pem`, cert + key);
    assertMatch(await said(directory, undefined) ?? "", good);
    await Deno.writeTextFile(`${directory}/data/license.pem`, cert);
    assertMatch(
      await said(directory, undefined) ?? "",
      /WARNING \[license\] .* is not used: it holds no private key/,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a node needs no license and looks at none", async () => {
  await using cluster = await Daemon.start();
  const token = await joinToken(cluster);
  const directory = await Deno.makeTempDir({ prefix: "teleport-license-node-" });
  try {
    await Deno.mkdir(`${directory}/data`);
    await Deno.writeTextFile(`${directory}/data/license.pem`, "nonsense");
    await using node = await startNode(cluster, { nodename: "beta", token, directory });
    assertEquals(node.stderr.includes("license"), false);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
