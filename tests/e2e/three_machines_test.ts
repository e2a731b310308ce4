import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";

Deno.test("auth, proxy and node work as three daemons, joined by tokens out of files", async () => {
  const tokenFile = await Deno.makeTempFile();
  await Deno.writeTextFile(tokenFile, "a-token-from-a-file\n");
  try {
    await using auth = await Daemon.start({
      nodename: "the-auth",
      auth: { tokens: [`proxy,node:${tokenFile}`] },
      args: ["--roles=auth"],
    });
    const address = `127.0.0.1:${(await auth.addresses()).auth?.port}`;
    const others = (nodename: string) => ({
      nodename,
      teleport: { auth_servers: [address], auth_token: tokenFile },
      auth: { enabled: "no" },
    });
    await using proxy = await Daemon.start({ ...others("the-proxy"), args: ["--roles=proxy"] });
    await using node = await Daemon.start({ ...others("the-node"), args: ["--roles=node"] });
    assertEquals(Object.keys(await auth.addresses()), ["auth"]);
    assertEquals(Object.keys(await node.addresses()), ["node"]);

    const { url } = JSON.parse(await auth.tctlOk("users", "add", "joe", LOGIN, "--format=json"));
    assert(url.includes(await proxy.webAddress()), "the invitation does not lead to the proxy that runs");
    const joe = await proxy.signUp("joe", url);
    await joe.loginOk();
    assertStringIncludes((await joe.tsh(["ls"])).stdout, "the-node");
    const result = await joe.tsh(["ssh", `${LOGIN}@the-node`, "echo through three daemons"]);
    assertEquals([result.code, result.stdout], [0, "through three daemons\n"], result.stderr);
    assertEquals((await auth.event("exec")).command, "echo through three daemons");
  } finally {
    await Deno.remove(tokenFile);
  }
});
