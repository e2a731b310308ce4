// Several auth servers on one table of DynamoDB: the journey of etcd_test.ts, shorter.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { DynamoLocal, dynamoProgram, REGION } from "../kit/dynamodb.ts";
import { freePort, LOGIN } from "../kit/machine.ts";
import { eventually } from "../kit/run.ts";
import { S3_KEYS, S3Server, withoutS3 } from "../kit/s3.ts";

const program = await dynamoProgram();
const ignore = program === undefined || await withoutS3();
const s3 = ignore ? undefined : await S3Server.start();
const dynamo = program === undefined ? undefined : await DynamoLocal.start(program);
globalThis.addEventListener("unload", () => {
  dynamo?.kill();
  s3?.kill();
});

function storage(more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: "dynamodb",
    region: REGION,
    table_name: "teleport.state",
    access_key: S3_KEYS.accessKey,
    secret_key: S3_KEYS.secretKey,
    endpoint: dynamo?.endpoint,
    audit_table_name: "teleport.events",
    audit_sessions_uri: s3?.uri(),
    ...more,
  };
}

Deno.test({
  name: "two auth servers on one DynamoDB table are one cluster, with events in a table and recordings in S3",
  ignore,
}, async () => {
  await using one = await Daemon.start({ nodename: "one", teleport: { storage: storage() } });
  // The second has its keys from the environment.
  await using other = await Daemon.start({
    nodename: "other",
    teleport: { storage: storage({ access_key: undefined, secret_key: undefined }) },
    env: { AWS_ACCESS_KEY_ID: S3_KEYS.accessKey, AWS_SECRET_ACCESS_KEY: S3_KEYS.secretKey },
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

  // Recorded at a node of one auth server, listed and checked by the other.
  const session = await joe.tsh(["ssh", "-t", `${LOGIN}@one`, "echo for the record"]);
  assertEquals(session.code, 0, session.stderr);
  const bucket = s3?.client();
  const sid = await eventually("the recording to be in the bucket", async () => {
    const objects = await bucket?.list("recordings/default/");
    return objects?.find(({ name }) => name.endsWith(".session.log"))?.name.split(/[/.]/)[2];
  });
  bucket?.close();
  assertStringIncludes(await other.tctlOk("recordings", "ls"), sid);
  await other.tctlOk("recordings", "verify", sid);
  assertStringIncludes((await joe.tsh(["play", sid])).stdout, "for the record");
  // Events of both are found at both.
  for (const daemon of [one, other]) {
    await eventually("the events of both auth servers", async () => {
      const text = await daemon.tctlOk("events", "--format=json", "--limit=1000");
      return ["host.join", "user.login", "session.end"].every((name) => text.includes(`"${name}"`)) ||
        undefined;
    });
  }
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
    const code = await daemon.ended;
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
