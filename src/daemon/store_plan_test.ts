import { assertEquals } from "@std/assert";
import { Secret } from "../base/secret.ts";
import { awsSource, hostPortOf, storeNeeds, storeSettings } from "./store_plan.ts";

const from = (variables: Record<string, string>) => (name: string) => variables[name];
const ROLE = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/keys" };
const KEYS = { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "s", AWS_SESSION_TOKEN: "t" };
const DYNAMO = {
  type: "dynamodb" as const,
  region: "eu-west-1",
  table: "teleport",
  endpoint: "https://dynamodb.eu-west-1.amazonaws.com",
};

Deno.test("keys come from the file, else from the environment, else from the role of container or machine", () => {
  const file = { accessKey: "F", secretKey: new Secret("f") };
  assertEquals(awsSource(file, from({ ...KEYS, ...ROLE })), { kind: "keys", accessKey: "F", secretKey: "f" });
  const env = { kind: "keys" as const, accessKey: "A", secretKey: "s", sessionToken: "t" };
  assertEquals(awsSource(undefined, from({ ...KEYS, ...ROLE })), env);
  const container = {
    kind: "container" as const,
    url: "http://169.254.170.2/v2/keys",
    authorization: undefined,
  };
  assertEquals(awsSource(undefined, from(ROLE)), container);
  const instance = { kind: "instance" as const, endpoint: "http://169.254.169.254" };
  assertEquals(awsSource(undefined, from({})), instance);
});

Deno.test("the auth role may reach its store, and nothing else for its sake", () => {
  const none = from({});
  assertEquals(storeNeeds({ storage: { type: "deno_kv", path: "/data" } }, none), { net: [], read: [] });
  const etcd = {
    type: "etcd" as const,
    peers: ["https://a:2379", "https://[::1]:4001"],
    prefix: "/teleport",
    certFile: "/c",
    keyFile: "/k",
    caFile: "/ca",
    insecure: false,
  };
  assertEquals(storeNeeds({ storage: etcd }, none), {
    net: ["a:2379", "[::1]:4001"],
    read: ["/c", "/k", "/ca"],
  });
  assertEquals(storeNeeds({ storage: DYNAMO }, from(KEYS)).net, ["dynamodb.eu-west-1.amazonaws.com:443"]);
  assertEquals(storeNeeds({ storage: DYNAMO }, none).net, [
    "dynamodb.eu-west-1.amazonaws.com:443",
    "169.254.169.254:80",
  ]);
  const recordings = { bucket: "b", prefix: "", region: "r-1", endpoint: "https://s3.r-1.amazonaws.com" };
  assertEquals(
    storeNeeds({ storage: { type: "deno_kv", path: "/data" }, remoteAudit: { recordings } }, from(KEYS)).net,
    ["s3.r-1.amazonaws.com:443"],
  );
});

Deno.test("the embedded store is one file in its directory", () => {
  const settings = storeSettings({ type: "deno_kv", path: "/data/auth" }, from({}));
  assertEquals(settings, { type: "deno_kv", path: "/data/auth/store.sqlite" });
  assertEquals(hostPortOf("http://[::1]/"), "[::1]:80");
});
