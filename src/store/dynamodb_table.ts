/**
 * A table of DynamoDB, made when it is missing. Of all actions only those on this one table and its items are used, so
 * that the policy in the documentation is enough.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { MINUTE, SECOND } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { type DynamoClient, DynamoRefusal } from "./aws/dynamodb_client.ts";

const log = logger("store");

/** The keys of every item, and when DynamoDB may remove it (seconds since the epoch). */
export const PARTITION = "pk";
export const SORT = "sk";
export const TTL = "ttl";

/** What a table is paid for; left out: by use. */
export interface Capacity {
  read: number;
  write: number;
}

const LOOK_MS = 500;
const DEADLINE_MS = 3 * MINUTE;
const FIRST_ANSWER_MS = 3 * SECOND;

/** Sees that the table is there and removes what has expired. @throws {AppError} when it cannot be had */
export async function prepareTable(
  client: DynamoClient,
  table: string,
  clock: Clock,
  capacity: Capacity | undefined,
): Promise<void> {
  const end = clock.now() + DEADLINE_MS;
  for (;;) {
    const status = await statusOf(client, table);
    if (status === "ACTIVE" || status === "UPDATING") break;
    if (clock.now() > end) {
      throw new AppError("unavailable", `the DynamoDB table ${table} is ${status} for too long`);
    }
    if (status === undefined) await create(client, table, capacity);
    else await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
  }
  await expireItems(client, table);
}

async function statusOf(client: DynamoClient, TableName: string): Promise<string | undefined> {
  try {
    const { Table } = await client.call<
      { Table: { TableStatus: string; KeySchema: { AttributeName: string }[] } }
    >(
      "DescribeTable",
      { TableName },
      FIRST_ANSWER_MS, // whoever starts waits, and says so
    );
    const names = Table.KeySchema.map(({ AttributeName }) => AttributeName).join();
    if (names !== `${PARTITION},${SORT}`) {
      throw new AppError(
        "conflict",
        `the DynamoDB table ${TableName} is another program's: its keys are ${names}`,
      );
    }
    return Table.TableStatus;
  } catch (error) {
    if (error instanceof DynamoRefusal && error.type === "ResourceNotFoundException") return undefined;
    throw described(error, TableName);
  }
}

async function create(
  client: DynamoClient,
  TableName: string,
  capacity: Capacity | undefined,
): Promise<void> {
  log.info("makes the DynamoDB table {table}", { table: TableName });
  const names = [PARTITION, SORT];
  try {
    await client.call("CreateTable", {
      TableName,
      AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
      KeySchema: names.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? "HASH" : "RANGE" })),
      ...(capacity
        ? { ProvisionedThroughput: { ReadCapacityUnits: capacity.read, WriteCapacityUnits: capacity.write } }
        : { BillingMode: "PAY_PER_REQUEST" }),
    });
  } catch (error) {
    // Another auth server was quicker.
    if (error instanceof DynamoRefusal && error.type === "ResourceInUseException") return;
    throw described(error, TableName);
  }
}

async function expireItems(client: DynamoClient, TableName: string): Promise<void> {
  const TimeToLiveSpecification = { AttributeName: TTL, Enabled: true };
  try {
    const { TimeToLiveDescription } = await client.call<
      { TimeToLiveDescription?: { TimeToLiveStatus?: string } }
    >("DescribeTimeToLive", { TableName });
    if (["ENABLED", "ENABLING"].includes(TimeToLiveDescription?.TimeToLiveStatus ?? "")) return;
    await client.call("UpdateTimeToLive", { TableName, TimeToLiveSpecification });
  } catch (error) {
    // Another auth server was quicker. What has expired is hidden in any case, and only takes up room.
    if (error instanceof DynamoRefusal && error.type === "ValidationException") return;
    throw described(error, TableName);
  }
}

function described(error: unknown, table: string): unknown {
  if (!(error instanceof DynamoRefusal)) return error;
  return new AppError(
    "unsupported",
    `the DynamoDB table ${table} cannot be used: ${error.message} (${error.type})`,
  );
}
