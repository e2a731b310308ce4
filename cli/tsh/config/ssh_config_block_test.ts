import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError } from "../../../src/base/errors.ts";
import { type ClusterAccess, configBlock, withBlock, withoutBlock } from "./ssh_config_block.ts";

const ACCESS: ClusterAccess = {
  cluster: "main",
  proxyHost: "work.example.com",
  proxyPort: 3023,
  key: "/home/joe/.tsh/keys/gate/joe",
  certificate: "/home/joe/.tsh/keys/gate/joe-cert.pub",
  knownHosts: "/home/joe/.tsh/known_hosts",
  records: false,
  sites: [],
  siteKnownHosts: "/home/joe/.tsh/recorded_hosts",
};

Deno.test("writing the block twice is writing it once, and taking it out leaves what was there", () => {
  const others = fc.array(
    fc.constantFrom("Host *\n", "    Port 22\n", "\n", "# BEGIN tsh\n", "# END tsh: x\n", "User joe"),
  )
    .map((lines) => lines.join(""));
  fc.assert(fc.property(others, others, (before, after) => {
    const once = withBlock(before, ACCESS);
    assertEquals(withBlock(once, ACCESS), once);
    assertEquals(withBlock(once, { ...ACCESS, proxyPort: 9999 }).includes("-p 9999"), true);
    const removed = withoutBlock(once, ACCESS);
    assert(removed === before || removed === `${before}\n`, JSON.stringify({ before, removed }));
    const around = once + after;
    assertEquals(withoutBlock(withBlock(around, ACCESS), ACCESS), removed + after);
  }));
});

Deno.test("blocks of two clusters stand side by side", () => {
  const east = { ...ACCESS, cluster: "east" };
  const both = withBlock(withBlock("Host x\n", ACCESS), east);
  assertStringIncludes(both, "Host *.main !work.example.com");
  assertStringIncludes(both, "Host *.east !work.example.com");
  assertEquals(withoutBlock(withoutBlock(both, east), ACCESS), "Host x\n");
  assertEquals(withoutBlock("Host x\n", ACCESS), "Host x\n");
});

Deno.test("names and paths cannot break out of their line, their quotes or the shell's words", () => {
  for (
    const bad of [
      { cluster: "main\nHost *" },
      { cluster: "a b" },
      { cluster: "*" },
      { proxyHost: "-oProxyCommand=x" },
      { proxyHost: "a;b" },
      { key: '/home/"x"' },
      { knownHosts: "/home/\nHost *" },
    ]
  ) {
    assertThrows(() => configBlock({ ...ACCESS, ...bad }), AppError, "cannot stand in an ssh configuration");
  }
  const odd = configBlock({ ...ACCESS, key: "/home/o'neil & 50%/key" });
  assertStringIncludes(odd, `IdentityFile "/home/o'neil & 50%%/key"`);
  assertStringIncludes(odd, `-i '/home/o'\\''neil & 50%%/key'`);
});

Deno.test("the agent is forwarded to a proxy that records, and to no other", () => {
  assertStringIncludes(configBlock({ ...ACCESS, records: true }), " -o ForwardAgent=yes -p 3023 ");
  assertEquals(configBlock(ACCESS).includes("ForwardAgent"), false);
});

Deno.test("a cluster behind the same proxy has hosts of its own, by the proxy's @cluster", () => {
  const sites = [{ name: "east", records: false }, { name: "west", records: true }];
  const block = configBlock({ ...ACCESS, sites });
  assertStringIncludes(block, "Host *.east !");
  assertStringIncludes(block, "-s proxy:%h:%p@east\n");
  assertStringIncludes(block, "-s proxy:%h:%p@west\n");
  assertEquals(block.match(/ForwardAgent yes/g)?.length, 1, "only where that cluster's proxies record");
  assertEquals(block.includes(ACCESS.siteKnownHosts), false);
  const recorded = configBlock({ ...ACCESS, sites, records: true });
  assertEquals(recorded.split(ACCESS.siteKnownHosts).length, 3, "the proxy stands in for the hosts of both");
  assertThrows(
    () => configBlock({ ...ACCESS, sites: [{ name: "a b", records: false }] }),
    AppError,
    "cannot stand",
  );
});
