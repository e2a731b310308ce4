/**
 * Which store the auth role is to use: plain data, as the supervisor tells it.
 * @module
 */

export interface AwsKeys {
  accessKey: string;
  secretKey: string;
  /** Of keys that were lent for a while. */
  sessionToken?: string;
}

/** Whose keys AWS is called with. */
export type AwsSource =
  | ({ kind: "keys" } & AwsKeys)
  /** As ECS and EKS lend them: `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `_FULL_URI`. */
  | { kind: "container"; url: string; authorization?: string }
  /** The metadata service of an EC2 machine, version 2. */
  | { kind: "instance"; endpoint: string };

/** The embedded store. */
export interface DenoKvSettings {
  type: "deno_kv";
  /** Absolute path of its file. */
  path: string;
}

export interface EtcdSettings {
  type: "etcd";
  /** `https://host:port` of members. */
  peers: string[];
  /** Of all keys. */
  prefix: string;
  /** Absolute paths of PEM files. */
  certFile: string;
  keyFile: string;
  /** Left out: the system's authorities. */
  caFile?: string;
  /** Any certificate is accepted. */
  insecure: boolean;
}

export interface DynamoSettings {
  type: "dynamodb";
  region: string;
  table: string;
  /** `https://dynamodb.eu-west-1.amazonaws.com` */
  endpoint: string;
  credentials: AwsSource;
  /** Left out: the table is paid for by use. */
  capacity?: { read: number; write: number };
}

export type StoreSettings = DenoKvSettings | EtcdSettings | DynamoSettings;
