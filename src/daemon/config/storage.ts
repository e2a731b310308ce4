/**
 * Where auth keeps its state: the keys of `teleport.storage`, of which each type has its own.
 * @module
 */
import { resolve } from "node:path";
import { AppError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { Secret } from "../../base/secret.ts";
import type { ReadFile } from "./file.ts";
import type { FileSettings } from "./schema.ts";
import type { StorageConfig } from "./storage_config.ts";

/** The keys that only one type has. */
const OF_TYPE = {
  deno_kv: ["path"],
  etcd: ["peers", "tls_cert_file", "tls_key_file", "tls_ca_file", "prefix", "insecure"],
  dynamodb: [
    "region",
    "table_name",
    "read_capacity_units",
    "write_capacity_units",
    "endpoint",
    "audit_table_name",
  ],
} as const;

export interface StorageSources {
  settings: FileSettings;
  file: ReadFile;
  cwd: string;
  dataDir: string;
  warn(text: string): void;
}

/** @throws {AppError} bad_input naming the key that is missing */
export function storageConfig({ settings, file, cwd, dataDir, warn }: StorageSources): StorageConfig {
  const { storage } = settings.teleport;
  const place = (key: string) => file.place(["teleport", "storage", key]);
  const type = storage.type === "bolt" || storage.type === "dir" ? "deno_kv" : storage.type;
  if (storage.type !== type) {
    warn(`${place("type")}: storage type "${storage.type}" means the embedded store "deno_kv" here`);
  }
  for (const [other, keys] of Object.entries(OF_TYPE)) {
    if (other === type) continue;
    for (const key of keys) {
      if (storage[key] === undefined) continue;
      warn(
        `${place(key)}: ${
          quote(`teleport.storage.${key}`)
        } has no effect: it belongs to storage type "${other}"`,
      );
    }
  }
  const needed = <T>(key: string, value: T | undefined): T => {
    if (value !== undefined) return value;
    throw new AppError(
      "bad_input",
      `${place("type")}: storage type "${type}" needs "teleport.storage.${key}"`,
    );
  };
  switch (type) {
    case "deno_kv":
      return { type, path: resolve(cwd, storage.path ?? resolve(dataDir, "auth")) };
    case "etcd":
      return {
        type,
        peers: needed("peers", storage.peers),
        certFile: resolve(cwd, needed("tls_cert_file", storage.tls_cert_file)),
        keyFile: resolve(cwd, needed("tls_key_file", storage.tls_key_file)),
        caFile: storage.tls_ca_file && resolve(cwd, storage.tls_ca_file),
        prefix: storage.prefix ?? "/teleport",
        insecure: storage.insecure ?? false,
      };
    case "dynamodb": {
      const table = storage.table_name;
      if (table === undefined) {
        throw new AppError("bad_input", `${place("type")}: DynamoDB: table_name is not specified`);
      }
      const region = needed("region", storage.region);
      const [read, write] = [storage.read_capacity_units, storage.write_capacity_units];
      const [accessKey, secretKey] = [storage.access_key, storage.secret_key];
      if ((accessKey === undefined) !== (secretKey === undefined)) {
        throw new AppError(
          "bad_input",
          `${place("type")}: "access_key" and "secret_key" are given together or not at all`,
        );
      }
      return {
        type,
        region,
        table,
        endpoint: storage.endpoint ??
          `https://dynamodb.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`,
        keys: accessKey === undefined || secretKey === undefined
          ? undefined
          : { accessKey, secretKey: new Secret(secretKey) },
        capacity: read === undefined && write === undefined
          ? undefined
          : { read: read ?? 5, write: write ?? 5 },
      };
    }
  }
}
