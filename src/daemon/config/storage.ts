/**
 * Where auth keeps its state: the keys of `teleport.storage`, of which each type has its own.
 * @module
 */
import { resolve } from "node:path";
import { AppError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import type { StoreSettings } from "../../store/settings.ts";
import type { ReadFile } from "./file.ts";
import type { FileSettings } from "./schema.ts";

/** As {@linkcode StoreSettings}; the embedded store is named by its directory. */
export type StorageConfig = { type: "deno_kv"; path: string } | Exclude<StoreSettings, { type: "deno_kv" }>;

/** The keys that only one type has. */
const OF_TYPE = {
  deno_kv: ["path"],
  etcd: ["peers", "tls_cert_file", "tls_key_file", "tls_ca_file", "prefix", "insecure"],
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
  }
}

/** What the auth role needs of the machine to use the store. */
export interface StoreNeeds {
  /** `host:port` to dial. */
  net: string[];
  /** Files to read. */
  read: string[];
}

export function storeNeeds(storage: StorageConfig): StoreNeeds {
  switch (storage.type) {
    case "deno_kv":
      return { net: [], read: [] };
    case "etcd": {
      const { certFile, keyFile, caFile } = storage;
      const read = [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])];
      return { net: storage.peers.map((peer) => peer.slice("https://".length)), read };
    }
  }
}
