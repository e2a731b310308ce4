/**
 * The store's part of the finished configuration, and that of events and recordings kept at AWS.
 * @module
 */
import type { RemoteAuditSettings } from "../../auth/audit/remote_audit.ts";
import type { Secret } from "../../base/secret.ts";
import type { DynamoSettings, EtcdSettings } from "../../model/store_settings.ts";

/** As {@linkcode EtcdSettings} and the like; the embedded store is named by its directory. */
export type StorageConfig =
  | { type: "deno_kv"; path: string }
  | EtcdSettings
  | (Omit<DynamoSettings, "credentials"> & { keys?: { accessKey: string; secretKey: Secret<string> } });

export interface RemoteAuditConfig extends Omit<RemoteAuditSettings, "credentials"> {
  keys?: { accessKey: string; secretKey: Secret<string> };
}
