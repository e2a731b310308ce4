/**
 * Audit events and recordings that are kept at AWS instead of on this machine: a table of DynamoDB, a bucket of S3.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import type { AwsSource } from "../../model/store_settings.ts";
import type { DynamoEvents } from "./dynamodb_events.ts";
import type { RecordingFiles } from "./recordings.ts";

/** Plain data. */
export interface RemoteAuditSettings {
  credentials: AwsSource;
  events?: { table: string; region: string; endpoint: string; capacity?: { read: number; write: number } };
  recordings?: { bucket: string; prefix: string; region: string; endpoint: string };
}

export interface RemoteAudit {
  table?: DynamoEvents;
  recordings?: RecordingFiles;
  close(): void;
}

/** @throws {AppError} when the table or the bucket cannot be used */
export async function openRemoteAudit(
  { credentials: source, events, recordings }: RemoteAuditSettings,
  { local, directory, clock, hostId }: {
    local: RecordingFiles;
    /** Of the recordings. */
    directory: string;
    clock: Clock;
    hostId: string;
  },
): Promise<RemoteAudit> {
  const { AwsCredentials } = await import("../../store/aws/credentials.ts");
  const credentials = new AwsCredentials(source, clock);
  const remote: RemoteAudit = { close: () => closers.forEach((close) => close()) };
  const closers: (() => void)[] = [];
  if (events) {
    const [{ DynamoClient }, { prepareTable }, { DynamoEvents }] = await Promise.all([
      import("../../store/aws/dynamodb_client.ts"),
      import("../../store/dynamodb_table.ts"),
      import("./dynamodb_events.ts"),
    ]);
    const client = new DynamoClient({ ...events, credentials, clock });
    closers.push(() => client.close());
    await prepareTable(client, events.table, clock, events.capacity);
    remote.table = new DynamoEvents(client, events.table, clock, hostId);
  }
  if (recordings) {
    const [{ S3Client }, { BucketFiles }] = await Promise.all([
      import("../../store/aws/s3_client.ts"),
      import("./bucket_files.ts"),
    ]);
    const s3 = new S3Client({ ...recordings, credentials, clock });
    closers.push(() => s3.close());
    remote.recordings = new BucketFiles({ s3, prefix: recordings.prefix, directory, local });
    await s3.head(recordings.prefix === "" ? "teleport" : `${recordings.prefix}/teleport`); // says what is wrong now
  }
  return remote;
}
