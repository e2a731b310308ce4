/**
 * Opens the store that the configuration names. What only one kind needs is loaded only for that kind.
 * @module
 */
import { type Clock } from "../base/clock.ts";
import { AppError, messageOf } from "../base/errors.ts";
import type { Files } from "../base/files.ts";
import type { Backend } from "./backend.ts";
import type { DynamoSettings, EtcdSettings, StoreSettings } from "../model/store_settings.ts";

/** @throws {AppError} unavailable when it may be there later; others when the configuration is at fault */
export async function openStore(
  settings: StoreSettings,
  files: Pick<Files, "readText">,
  clock: Clock,
): Promise<Backend> {
  if (settings.type === "etcd") return await openEtcd(settings, files, clock);
  if (settings.type === "dynamodb") return await openDynamo(settings, clock);
  const { DenoKvBackend } = await import("./deno_kv.ts");
  return await DenoKvBackend.open(settings.path, clock);
}

async function openDynamo(settings: DynamoSettings, clock: Clock): Promise<Backend> {
  const [{ DynamoBackend }, { AwsCredentials }] = await Promise.all([
    import("./dynamodb.ts"),
    import("./aws/credentials.ts"),
  ]);
  return await DynamoBackend.open({
    ...settings,
    credentials: new AwsCredentials(settings.credentials, clock),
    clock,
  });
}

async function openEtcd(
  { peers, prefix, certFile, keyFile, caFile, insecure }: EtcdSettings,
  files: Pick<Files, "readText">,
  clock: Clock,
): Promise<Backend> {
  const [{ EtcdBackend }, { etcdTransport }] = await Promise.all([
    import("./etcd.ts"),
    import("./etcd_transport.ts"),
  ]);
  const read = async (key: string, path: string): Promise<string> => {
    const text = await files.readText(path);
    if (text !== undefined) return text;
    throw new AppError("not_found", `teleport.storage.${key}: ${path} does not exist`);
  };
  const tls = {
    cert: await read("tls_cert_file", certFile),
    key: await read("tls_key_file", keyFile),
    ca: caFile === undefined ? undefined : await read("tls_ca_file", caFile),
    insecure,
  };
  let transport;
  try {
    transport = etcdTransport(tls);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new AppError(
      "bad_input",
      `etcd: the certificate ${certFile} and the key ${keyFile} cannot be used together: ${messageOf(error)}`,
      { cause: error },
    );
  }
  return await EtcdBackend.open({ peers, prefix, transport, clock });
}
