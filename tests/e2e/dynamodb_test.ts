// Several auth servers on one table of DynamoDB: the journey of etcd_test.ts, shorter.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { DynamoLocal, dynamoProgram, KEYS, REGION } from "../kit/dynamodb.ts";
import { freePort, LOGIN } from "../kit/machine.ts";
import { eventually } from "../kit/run.ts";

const program = await dynamoProgram();
const ignore = program === undefined;
const dynamo = program === undefined ? undefined : await DynamoLocal.start(program);
globalThis.addEventListener("unload", () => dynamo?.kill());

function storage(more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: "dynamodb",
    region: REGION,
    table_name: "teleport.state",
    access_key: KEYS.accessKey,
    secret_key: KEYS.secretKey,
    endpoint: dynamo?.endpoint,
    ...more,
  };
}

Deno.test({ name: "two auth servers on one DynamoDB table are one cluster", ignore }, async () => {
  await using one = await Daemon.start({ nodename: "one", teleport: { storage: storage() } });
  // The second has its keys from the environment.
  await using other = await Daemon.start({
    nodename: "other",
    teleport: { storage: storage({ access_key: undefined, secret_key: undefined }) },
    env: { AWS_ACCESS_KEY_ID: KEYS.accessKey, AWS_SECRET_ACCESS_KEY: KEYS.secretKey },
    args: ["--roles=auth,node"],
  });
  assertEquals(await one.tctlOk("auth", "export"), await other.tctlOk("auth", "export"));
  const joe = await one.user("joe", [LOGIN]);
  assertStringIncludes(await other.tctlOk("users", "ls"), "joe");
  await joe.loginOk();
  await eventually("the node of the other auth server to be listed", async () => {
    return (await joe.tsh(["ls"])).stdout.includes("other") || undefined;
  });
  const { stdout, stderr } = await joe.tsh(["ssh", `${LOGIN}@other`, "echo across"]);
  assertEquals(stdout, "across\n", stderr);
  await other.tctlOk("users", "lock", "joe");
  await eventually("the lock to be known everywhere", async () => {
    return (await joe.tsh(["ssh", `${LOGIN}@one`, "true"])).code !== 0 || undefined;
  });
});

Deno.test({ name: "what is missing in storage of type dynamodb is named", ignore }, async () => {
  const wrong: [Record<string, unknown>, string][] = [
    [storage({ table_name: undefined }), "DynamoDB: table_name is not specified"],
    [storage({ region: undefined }), 'needs "teleport.storage.region"'],
    [storage({ secret_key: undefined }), "are given together or not at all"],
  ];
  for (const [settings, reason] of wrong) {
    const daemon = await Daemon.spawn({ teleport: { storage: settings }, args: ["--roles=auth"] });
    const { code } = await daemon.process.status;
    await eventually("its last words", () => daemon.exited || undefined);
    assertEquals(code, 1);
    assertStringIncludes(daemon.stderr, reason);
    await daemon.stop();
  }
  const endpoint = `http://127.0.0.1:${freePort()}`;
  const waiting = await Daemon.spawn({
    teleport: { storage: storage({ endpoint }) },
    args: ["--roles=auth"],
  });
  try {
    await eventually("a message", () => waiting.stderr.includes("waits for its store") || undefined);
    assertStringIncludes(waiting.stderr, `${endpoint}: nobody listens there`);
    assert(!waiting.exited);
  } finally {
    await waiting.stop();
  }
});
