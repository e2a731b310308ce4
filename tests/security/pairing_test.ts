// Pairing of clusters, as somebody uses it who has a token, or would like to.
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { signStatement } from "../../src/api/cluster_statement.ts";
import { pairingRequest } from "../../src/api/pairing_proof.ts";
import { httpCall } from "../../src/base/https_call.ts";
import { Secret } from "../../src/base/secret.ts";
import { generateKey, parsePrivateKey, type PrivateKey } from "../../src/ssh/private_key.ts";
import { CLUSTER_TOKEN, pair, remoteStatus, startEast, startMain } from "../kit/trusted_clusters.ts";

const main = await startMain();
const east = await startEast();
await pair(main, east);
const authorities: { spec: { type: string; signing_keys: string[] } }[] = JSON.parse(
  await east.tctlOk("get", "cas", "--with-secrets", "--format=json"),
);
const eastHost = parsePrivateKey(
  authorities.find(({ spec }) => spec.type === "host")?.spec.signing_keys[0] ?? "",
);

Deno.test.afterAll(async () => {
  await Promise.all([main.stop(), east.stop()]);
});

Deno.test("who holds a token cannot take a known cluster's name, this cluster's, or one that covers it", async () => {
  const attempt = async (
    cluster: string,
    token = CLUSTER_TOKEN,
    change: { now?: number; to?: string } = {},
  ) => {
    const [user, host] = [generateKey(), generateKey()];
    const named = { cluster, user: [user.publicKey.toLine()], host: [host.publicKey.toLine()] };
    const { now = Date.now(), to = "main" } = change;
    const statement = btoa(String.fromCharCode(...signStatement(named, Date.now(), [host])));
    return await validate(pairingRequest(new Secret(token), { to, statement, now }));
  };
  const before = await main.tctlOk("get", "rc", "--format=json");
  for (
    const [cluster, why] of [
      ["east", /another cluster \\"east\\" is known already/],
      ["main", /both clusters are called|name lies within/],
      ["sub.main", /name lies within the other/],
      ["b.east", /name lies within the other/],
    ] as const
  ) {
    const { status, text } = await attempt(cluster);
    assertNotEquals(status, 200);
    assertMatch(text, why);
  }
  assertMatch((await attempt("north", CLUSTER_TOKEN, { now: Date.now() - 3_600_000 })).text, /clocks/);
  // Its own CA shown as somebody else's is not proven, and a key of another cluster is another's.
  const taken = {
    cluster: "north",
    user: [generateKey().publicKey.toLine()],
    host: [eastHost.publicKey.toLine()],
  };
  const request = (signer: PrivateKey) =>
    pairingRequest(new Secret(CLUSTER_TOKEN), {
      to: "main",
      statement: btoa(String.fromCharCode(...signStatement(taken, Date.now(), [signer]))),
      now: Date.now(),
    });
  assertMatch((await validate(request(generateKey()))).text, /signed by no host CA/);
  assertMatch((await validate(request(eastHost))).text, /a key belongs to one cluster/);
  assertEquals(JSON.parse(await main.tctlOk("get", "rc", "--format=json")).length, JSON.parse(before).length);
  assertEquals(await remoteStatus(main, "east"), "online");
});

async function validate(body: unknown): Promise<{ status: number; text: string }> {
  const { proxyWeb } = await main.addresses();
  const { status, text } = await httpCall({
    host: "127.0.0.1",
    port: proxyWeb?.port ?? 0,
    tls: true,
    insecure: true,
    method: "POST",
    path: "/v1/webapi/trustedclusters/validate",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    timeoutMs: 10_000,
    maxBody: 100_000,
  });
  return { status, text };
}

Deno.test("guessing tokens: every wrong one gets the same answer, and soon none at all", async () => {
  await main.tctlOk("tokens", "add", "--type=node", "--value=a-token-for-nodes");
  const gone = JSON.parse(await main.tctlOk("nodes", "add", "--roles=trustedcluster", "--format=json")).token;
  await main.tctlOk("tokens", "rm", gone);
  const key = generateKey();
  const named = {
    cluster: "north",
    user: [generateKey().publicKey.toLine()],
    host: [key.publicKey.toLine()],
  };
  const statement = btoa(String.fromCharCode(...signStatement(named, Date.now(), [key])));
  const answers = new Set<string>();
  let limited = 0;
  for (let i = 0; i < 14; i++) {
    const token = ["no-such-token", "a-token-for-nodes", gone, ""][i % 4] ?? "";
    const wish = { to: i % 2 ? "main" : "elsewhere", statement, now: i % 3 ? Date.now() : 0 };
    const { status, text } = await validate(pairingRequest(new Secret(token), wish));
    if (status === 429) limited++;
    else answers.add(`${status} ${text}`);
  }
  assert(answers.size <= 1, [...answers].join("; "));
  assert(limited >= 4, `${limited} of 14 were refused for their number`);
});
