/**
 * From the configured storage to what the auth role is told, and what it may do for it.
 * @module
 */
import type { AwsSource, StoreSettings } from "../model/store_settings.ts";
import type { RemoteAuditSettings } from "../auth/audit/remote_audit.ts";
import type { RemoteAuditConfig, StorageConfig } from "./config/storage_config.ts";
import { STORE_FILE } from "./permissions.ts";

/** What the auth role needs of the machine. */
export interface StoreNeeds {
  /** `host:port` to dial. */
  net: string[];
  /** Files to read. */
  read: string[];
}

type Env = (name: string) => string | undefined;

/** ECS's own address for the keys of a task. */
const CONTAINER_HOST = "http://169.254.170.2";
const INSTANCE_ENDPOINT = "http://169.254.169.254";

/**
 * Whose keys AWS is called with: those of the configuration, of the environment, of the container's or the machine's
 * role, in this order. The variables are those that AWS's own tools read.
 */
export function awsSource(keys: Extract<StorageConfig, { type: "dynamodb" }>["keys"], env: Env): AwsSource {
  if (keys) return { kind: "keys", accessKey: keys.accessKey, secretKey: keys.secretKey.reveal() };
  const [accessKey, secretKey] = [env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")];
  if (accessKey && secretKey) {
    return { kind: "keys", accessKey, secretKey, sessionToken: env("AWS_SESSION_TOKEN") || undefined };
  }
  const [relative, full] = [
    env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    env("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
  ];
  const url = relative ? `${CONTAINER_HOST}${relative}` : full;
  if (url) {
    return { kind: "container", url, authorization: env("AWS_CONTAINER_AUTHORIZATION_TOKEN") || undefined };
  }
  return { kind: "instance", endpoint: env("AWS_EC2_METADATA_SERVICE_ENDPOINT") || INSTANCE_ENDPOINT };
}

export function storeSettings(storage: StorageConfig, env: Env): StoreSettings {
  switch (storage.type) {
    case "deno_kv":
      return { type: "deno_kv", path: `${storage.path}/${STORE_FILE}` };
    case "etcd":
      return storage;
    case "dynamodb": {
      const { keys, ...rest } = storage;
      return { ...rest, credentials: awsSource(keys, env) };
    }
  }
}

export function remoteAuditSettings(
  config: RemoteAuditConfig | undefined,
  env: Env,
): RemoteAuditSettings | undefined {
  if (!config) return undefined;
  const { keys, ...rest } = config;
  return { ...rest, credentials: awsSource(keys, env) };
}

/** What the state's store needs, and what events and recordings need that are kept at AWS. */
export function storeNeeds(
  { storage, remoteAudit }: { storage: StorageConfig; remoteAudit?: RemoteAuditConfig },
  env: Env,
): StoreNeeds {
  const { net, read } = needsOf(storeSettings(storage, env));
  const remote = remoteAuditSettings(remoteAudit, env);
  const urls = remote
    ? [remote.events?.endpoint, remote.recordings?.endpoint, ...sourceUrls(remote.credentials)]
    : [];
  return { net: [...new Set([...net, ...urls.filter((url) => url !== undefined).map(hostPortOf)])], read };
}

function needsOf(settings: StoreSettings): StoreNeeds {
  switch (settings.type) {
    case "deno_kv":
      return { net: [], read: [] };
    case "etcd": {
      const { peers, certFile, keyFile, caFile } = settings;
      const read = [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])];
      return { net: peers.map(hostPortOf), read };
    }
    case "dynamodb":
      return { net: [settings.endpoint, ...sourceUrls(settings.credentials)].map(hostPortOf), read: [] };
  }
}

function sourceUrls(source: AwsSource): string[] {
  if (source.kind === "keys") return [];
  return [source.kind === "container" ? source.url : source.endpoint];
}

/** `host:port` of a URL. */
export function hostPortOf(text: string): string {
  const url = new URL(text);
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}`;
}
