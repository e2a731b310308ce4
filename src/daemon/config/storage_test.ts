import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { loadConfig } from "./load.ts";
import { parseEndpoint, parseKeyPrefix, parsePeer, parseSessionsUri } from "./storage_values.ts";

const host = (text: string) => ({
  hostname: "box",
  uid: 0,
  home: "/root",
  cwd: "/srv",
  readTextFile: () => Promise.resolve(text),
});

async function storage(text: string) {
  const { auth, warnings } = await loadConfig({ config: "t.yaml" }, host(`teleport: {storage: {${text}}}`));
  return { ...auth, warnings };
}

const ETCD =
  "type: etcd, peers: ['https://a', 'https://[::1]:4001/'], tls_cert_file: c.pem, tls_key_file: /k.pem";
const DYNAMO = "type: dynamodb, region: eu-west-1, table_name: teleport.state";

Deno.test("etcd: members, certificate, key, and what may be left out", async () => {
  assertEquals((await storage(ETCD)).storage, {
    type: "etcd",
    peers: ["https://a:2379", "https://[::1]:4001"],
    certFile: "/srv/c.pem",
    keyFile: "/k.pem",
    caFile: undefined,
    prefix: "/teleport",
    insecure: false,
  });
  const { storage: given } = await storage(`${ETCD}, tls_ca_file: ca.pem, prefix: teleport/, insecure: yes`);
  assertEquals(given.type === "etcd" && [given.caFile, given.prefix, given.insecure], [
    "/srv/ca.pem",
    "teleport",
    true,
  ]);
  for (const key of ["peers", "tls_cert_file", "tls_key_file"]) {
    const less = ETCD.replace(`${key}:`, "tls_ca_file:");
    await assertRejects(() => storage(less), AppError, `needs "teleport.storage.${key}"`);
  }
});

Deno.test("DynamoDB: region and table are needed, keys and capacity may be left out", async () => {
  const { storage: plain, remoteAudit } = await storage(DYNAMO);
  assertEquals(plain, {
    type: "dynamodb",
    region: "eu-west-1",
    table: "teleport.state",
    endpoint: "https://dynamodb.eu-west-1.amazonaws.com",
    keys: undefined,
    capacity: undefined,
  });
  assertEquals(remoteAudit, undefined);
  const { storage: given } = await storage(
    `${DYNAMO}, access_key: A, secret_key: s, read_capacity_units: 7, endpoint: "http://127.0.0.1:8000"`,
  );
  if (given.type !== "dynamodb") throw new Error("another type");
  assertEquals([given.keys?.accessKey, given.keys?.secretKey.reveal()], ["A", "s"]);
  assertEquals([given.capacity, given.endpoint], [{ read: 7, write: 5 }, "http://127.0.0.1:8000"]);
  await assertRejects(
    () => storage("type: dynamodb, region: r-1"),
    AppError,
    "DynamoDB: table_name is not specified",
  );
  await assertRejects(
    () => storage("type: dynamodb, table_name: tab"),
    AppError,
    'needs "teleport.storage.region"',
  );
  await assertRejects(() => storage(`${DYNAMO}, access_key: A`), AppError, "together or not at all");
  await assertRejects(() => storage("type: consul"), AppError, '"consul" is none of');
});

Deno.test("events in DynamoDB and recordings in S3 are configured together", async () => {
  const { remoteAudit } = await storage(
    `${DYNAMO}, audit_table_name: teleport.events, audit_sessions_uri: "s3://bucket.example/teleport"`,
  );
  assertEquals(remoteAudit?.events?.table, "teleport.events");
  assertEquals(remoteAudit?.recordings, {
    bucket: "bucket.example",
    prefix: "teleport",
    region: "eu-west-1",
    endpoint: "https://s3.eu-west-1.amazonaws.com",
  });
  await assertRejects(
    () => storage(`${DYNAMO}, audit_table_name: teleport.events`),
    AppError,
    'needs "audit_sessions_uri"',
  );
  const same = `${DYNAMO}, audit_table_name: teleport.state, audit_sessions_uri: "file:///srv/r"`;
  await assertRejects(() => storage(same), AppError, "a table of their own");
  await assertRejects(
    () => storage('audit_sessions_uri: "s3://bucket"'),
    AppError,
    "the bucket's region is not known",
  );
  const { recordingsDirectory } = await storage('audit_sessions_uri: "file:///srv/recordings"');
  assertEquals(recordingsDirectory, "/srv/recordings");
});

Deno.test("keys of another storage type are told to have no effect", async () => {
  const { warnings } = await storage("type: dir, prefix: teleport, region: eu-west-1");
  assertEquals(warnings.length, 3);
  assertStringIncludes(
    warnings[1] ?? "",
    '"teleport.storage.prefix" has no effect: it belongs to storage type "etcd"',
  );
  assertStringIncludes(warnings[2] ?? "", 'it belongs to storage type "dynamodb"');
});

Deno.test("values that are none are refused", () => {
  for (const peer of ["a", "https://a/path", "https://u:p@a", "ftp://a", "http://a:2379", "https://"]) {
    assertThrows(() => parsePeer(peer), AppError, undefined, peer);
  }
  assertEquals(parsePeer("https://a:443"), "https://a:443");
  for (const prefix of ["", "/", "a b", "a//b", "../a%"]) {
    assertThrows(() => parseKeyPrefix(prefix), AppError, undefined, prefix);
  }
  for (const endpoint of ["a", "https://a/b", "https://u@a", "file:///a"]) {
    assertThrows(() => parseEndpoint(endpoint), AppError, undefined, endpoint);
  }
  for (
    const uri of [
      "s3://",
      "s3://B_/x",
      "s3://bucket/../x",
      "s3://bucket/a//b",
      "s3://bucket/x?acl=none",
      "gs://a",
    ]
  ) {
    assertThrows(() => parseSessionsUri(uri), AppError, undefined, uri);
  }
  assertEquals(parseSessionsUri("s3://bucket/a/b/?region=us-east-1&endpoint=https://minio:9000"), {
    kind: "bucket",
    bucket: "bucket",
    prefix: "a/b",
    region: "us-east-1",
    endpoint: "https://minio:9000",
  });
});
