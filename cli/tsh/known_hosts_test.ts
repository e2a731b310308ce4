import { assertEquals } from "@std/assert";
import { generateKey } from "../../src/ssh/private_key.ts";
import { ownKeys, siteKeys, withLogin } from "./known_hosts.ts";

const key = () => generateKey().publicKey;
const [main, east, evil, other] = [key(), key(), key(), key()];
const prints = (keys: readonly { fingerprint: string }[] | undefined) =>
  keys?.map(({ fingerprint }) => fingerprint);
const here = { cluster: "main", proxyHost: "proxy.main" };

Deno.test("a login's cluster and those behind it are kept apart, and replaced together", () => {
  const text = withLogin("", here, [main], new Map([["east", [east]]]));
  assertEquals(prints(ownKeys(text, here)), prints([main]));
  assertEquals(prints(siteKeys(text, here).get("east")), prints([east]));
  assertEquals(ownKeys(text, { cluster: "east" }), []);
  const kept = withLogin(text, here, [main, other], undefined);
  assertEquals(ownKeys(kept, here).length, 2);
  assertEquals([...siteKeys(kept, here).keys()], ["east"], "nothing was said of them");
  assertEquals(siteKeys(withLogin(kept, here, [main], new Map()), here).size, 0);
});

Deno.test("a proxy cannot show keys for a cluster that another login knows, nor for names above or below it", () => {
  const before = withLogin("", here, [main], new Map([["east", [east]]]));
  const there = { cluster: "elsewhere", proxyHost: "proxy.elsewhere" };
  const claims = ["main", "sub.main", "east", "a.east", "elsewhere", "x.elsewhere", "a b", "*", "west"];
  const after = withLogin(before, there, [other], new Map(claims.map((name) => [name, [evil]])));
  assertEquals([...siteKeys(after, there).keys()], ["west"]);
  assertEquals(prints(ownKeys(after, here)), prints([main]));
  assertEquals(prints(siteKeys(after, here).get("east")), prints([east]));
  // Whoever logs in to a cluster itself knows it from there, whatever a proxy in front of it has said.
  const east2 = { cluster: "west", proxyHost: "proxy.west" };
  const own = withLogin(after, east2, [main], undefined);
  assertEquals(siteKeys(own, there).size, 0);
  assertEquals(prints(ownKeys(own, east2)), prints([main]));
});
