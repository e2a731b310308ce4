import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createServer } from "node:http";
import { DynamoLocal, dynamoProgram, KEYS, REGION } from "../../tests/kit/dynamodb.ts";
import { freePort } from "../../tests/kit/machine.ts";
import { systemClock } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import type { AwsSource } from "../model/store_settings.ts";
import { AwsCredentials } from "./aws/credentials.ts";
import { testBackend } from "./conformance.ts";
import { DynamoBackend, type DynamoOptions } from "./dynamodb.ts";

const program = await dynamoProgram();
const ignore = program === undefined;
/** One for all tests of this file. */
const dynamo = program === undefined ? undefined : await DynamoLocal.start(program);
globalThis.addEventListener("unload", () => dynamo?.kill());

function local(): DynamoLocal {
  if (!dynamo) throw new Error("there is no DynamoDB Local");
  return dynamo;
}

let tables = 0;

function open(
  { source = { kind: "keys", ...KEYS }, ...options }: Partial<DynamoOptions> & { source?: AwsSource } = {},
): Promise<DynamoBackend> {
  return DynamoBackend.open({
    region: REGION,
    endpoint: local().endpoint,
    table: `test${tables++}`,
    credentials: new AwsCredentials(source, systemClock),
    ...options,
  });
}

testBackend("dynamodb", (clock) => open({ clock: { ...systemClock, now: clock.now } }), {
  ignore,
  beside: (backend) => open({ table: backend.table, clock: backend.clock }),
});

Deno.test({
  name: "dynamodb: the table is made when it is missing, also by two at once, and used again",
  ignore,
}, async () => {
  const [one, two] = await Promise.all([open({ table: "twice" }), open({ table: "twice" })]);
  await one.commit([{ type: "put", key: ["k"], value: "1" }]);
  await one.close();
  assertEquals((await two.get(["k"]))?.value, "1");
  await two.close();
  const again = await open({ table: "twice" });
  assertEquals((await again.get(["k"]))?.value, "1");
  await again.close();
});

Deno.test({
  name: "dynamodb: a table is paid for by use, or as the capacity keys say, and forgets what has expired",
  ignore,
}, async () => {
  const client = local().client();
  for (const [table, capacity] of [["by-use", undefined], ["bought", { read: 7, write: 9 }]] as const) {
    const backend = await open({ table, capacity });
    await backend.close();
    const { Table } = await client.call<
      {
        Table: {
          BillingModeSummary?: { BillingMode: string };
          ProvisionedThroughput: Record<string, number>;
        };
      }
    >("DescribeTable", { TableName: table });
    const { ReadCapacityUnits, WriteCapacityUnits } = Table.ProvisionedThroughput;
    assertEquals([ReadCapacityUnits, WriteCapacityUnits], capacity ? [7, 9] : [0, 0]);
    assertEquals(Table.BillingModeSummary?.BillingMode, capacity ? undefined : "PAY_PER_REQUEST");
    const { TimeToLiveDescription } = await client.call<{ TimeToLiveDescription: unknown }>(
      "DescribeTimeToLive",
      { TableName: table },
    );
    assertEquals(TimeToLiveDescription, { TimeToLiveStatus: "ENABLED", AttributeName: "ttl" });
  }
  client.close();
});

Deno.test({
  name: "dynamodb: nothing but actions on the one table is asked for, as the documented policy allows",
  ignore,
}, async () => {
  const asked = new Set<string>();
  const named = new Set<unknown>();
  const onCall = (action: string, body: Readonly<Record<string, unknown>>) => {
    asked.add(action);
    for (const name of JSON.stringify(body).matchAll(/"TableName":"([^"]*)"/g)) named.add(name[1]);
  };
  const backend = await open({ table: "policy", onCall });
  const heard = Promise.withResolvers<void>();
  const watch = backend.watch(() => heard.resolve());
  await heard.promise;
  await backend.commit([{ type: "check", key: ["c"], version: undefined }, {
    type: "put",
    key: ["k"],
    value: "1",
  }]);
  await backend.commit([{ type: "delete", key: ["k"] }]);
  await backend.list(["k"]);
  await backend.get(["k"]);
  watch.stop();
  await backend.close();
  assertEquals([...named], ["policy"]);
  assertEquals([...asked].sort(), [
    "CreateTable",
    "DescribeTable",
    "DescribeTimeToLive",
    "GetItem",
    "Query",
    "TransactWriteItems",
    "UpdateTimeToLive",
  ]);
});

Deno.test({
  name: "dynamodb: the keys of an IAM role come from the machine's metadata service, and are renewed",
  ignore,
}, async () => {
  const paths: string[] = [];
  let lasts = 60_000; // so soon over that each use asks for others
  const server = createServer((request, response) => {
    paths.push(`${request.method} ${request.url}`);
    const token = request.headers["x-aws-ec2-metadata-token"];
    if (request.url === "/latest/api/token" && request.method === "PUT") return response.end("a-token");
    if (token !== "a-token") return response.writeHead(401).end();
    if (request.url?.endsWith("/security-credentials/")) return response.end("the-role");
    response.end(JSON.stringify({
      AccessKeyId: KEYS.accessKey,
      SecretAccessKey: KEYS.secretKey,
      Token: "session",
      Expiration: new Date(Date.now() + lasts).toISOString(),
    }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  try {
    const backend = await open({ source: { kind: "instance", endpoint } });
    assert(await backend.commit([{ type: "put", key: ["k"], value: "1" }]));
    const role = "GET /latest/meta-data/iam/security-credentials/the-role";
    const before = paths.filter((path) => path === role).length;
    assert(before > 1);
    lasts = 3_600_000;
    await backend.get(["k"]);
    for (let i = 0; i < 5; i++) await backend.get(["k"]);
    assertEquals(paths.filter((path) => path === role).length, before + 1);
    await backend.close();
  } finally {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
});

Deno.test("dynamodb: an address that nobody answers at, and a role that is not there, are named", async () => {
  const endpoint = `http://127.0.0.1:${freePort()}`;
  let now = 0;
  const clock = { ...systemClock, now: () => now += 5000 };
  const open = (source: AwsSource) =>
    DynamoBackend.open({
      region: REGION,
      endpoint,
      table: "t",
      credentials: new AwsCredentials(source, clock),
      clock,
    });
  const error = await assertRejects(() => open({ kind: "keys", ...KEYS }), AppError);
  assertEquals(error.code, "unavailable");
  assertStringIncludes(error.message, `${endpoint}: nobody listens there`);
  const noRole = await assertRejects(() => open({ kind: "instance", endpoint }), AppError);
  assertStringIncludes(noRole.message, "the IAM role's cannot be had");
});

Deno.test({ name: "dynamodb: a table of another program is left alone", ignore }, async () => {
  const client = local().client();
  await client.call("CreateTable", {
    TableName: "foreign",
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    BillingMode: "PAY_PER_REQUEST",
  });
  client.close();
  const error = await assertRejects(() => open({ table: "foreign" }), AppError);
  assertStringIncludes(error.message, "is another program's");
});
