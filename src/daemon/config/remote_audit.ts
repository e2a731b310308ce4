/**
 * Audit events in a table of DynamoDB and recordings in a bucket of S3: the keys of `teleport.storage` for them.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";
import type { ReadFile } from "./file.ts";
import type { FileSettings } from "./schema.ts";
import type { RemoteAuditConfig, StorageConfig } from "./storage_config.ts";

/** @throws {AppError} bad_input naming the key that is missing */
export function remoteAuditConfig(
  { teleport: { storage } }: FileSettings,
  file: ReadFile,
  config: StorageConfig,
): RemoteAuditConfig | undefined {
  const {
    audit_table_name: table,
    audit_sessions_uri: sessions,
    access_key: accessKey,
    secret_key: secretKey,
  } = storage;
  const bucket = sessions?.kind === "bucket" ? sessions : undefined;
  const fault = (key: string, text: string) =>
    new AppError("bad_input", `${file.place(["teleport", "storage", key])}: ${text}`);
  if (table !== undefined && config.type === "dynamodb") {
    if (!sessions) {
      throw fault(
        "audit_table_name",
        '"audit_table_name" needs "audit_sessions_uri": events and recordings go together',
      );
    }
    if (table === config.table) {
      throw fault("audit_table_name", "events need a table of their own, not that of the state");
    }
  }
  const events = table !== undefined && config.type === "dynamodb"
    ? { table, region: config.region, endpoint: config.endpoint, capacity: config.capacity }
    : undefined;
  if (!bucket && !events) return undefined;
  const region = bucket?.region ?? storage.region;
  if (bucket && region === undefined) {
    throw fault(
      "audit_sessions_uri",
      'the bucket\'s region is not known: add "?region=..." to "audit_sessions_uri"',
    );
  }
  return {
    events,
    recordings: bucket && region !== undefined
      ? {
        bucket: bucket.bucket,
        prefix: bucket.prefix,
        region,
        endpoint: bucket.endpoint ??
          `https://s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`,
      }
      : undefined,
    keys: accessKey !== undefined && secretKey !== undefined
      ? { accessKey, secretKey: new Secret(secretKey) }
      : undefined,
  };
}
