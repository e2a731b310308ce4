/**
 * DynamoDB as the store of one or several auth servers. The first name of a key is the partition, the rest the sort key.
 * Reads are strongly consistent, commits are transactions. When an entry ends is kept beside its value; DynamoDB's own
 * removal, which may come two days late, only cleans up.
 * @module
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { MINUTE } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import {
  type AttributeValue,
  DynamoClient,
  type DynamoClientOptions,
  DynamoRefusal,
  type Item,
} from "./aws/dynamodb_client.ts";
import type { Backend, Change, Entry, Key, Operation, Watch } from "./backend.ts";
import { followNotes, noteOf } from "./dynamodb_feed.ts";
import { type Capacity, PARTITION, prepareTable, SORT, TTL } from "./dynamodb_table.ts";
import { compareKeys } from "./memory.ts";
import { keyOfPath, pathOf } from "./path_key.ts";
import { planCommit, type PlannedKey } from "./plan.ts";

export interface DynamoOptions extends Omit<DynamoClientOptions, "clock"> {
  table: string;
  capacity?: Capacity;
  clock?: Clock;
}

/** DynamoDB removes an entry so long after its end: its clock may run ahead of ours. */
const CLEAN_UP_AFTER_MS = MINUTE;

export class DynamoBackend implements Backend {
  readonly #client: DynamoClient;
  readonly #writer = crypto.randomUUID();
  readonly #watches = new Set<Watch>();

  private constructor(readonly table: string, readonly clock: Clock, client: DynamoClient) {
    this.#client = client;
  }

  /** Makes the table if it is missing. @throws {AppError} see {@linkcode DynamoClient.call} */
  static async open(
    { table, capacity, clock = systemClock, ...options }: DynamoOptions,
  ): Promise<DynamoBackend> {
    const client = new DynamoClient({ ...options, clock });
    try {
      await prepareTable(client, table, clock, capacity);
      return new DynamoBackend(table, clock, client);
    } catch (error) {
      client.close();
      throw error;
    }
  }

  #toEntry(item: Item): Entry | undefined {
    const [partition, sort, value, version, expires] = [PARTITION, SORT, "body", "rev", "ends"].map((name) =>
      item[name]
    );
    const rest = sort?.S === "/" ? [] : keyOfPath(sort?.S?.slice(1) ?? "");
    const ends = expires?.N === undefined ? undefined : Number(expires.N);
    if (partition?.S === undefined || !rest || value?.S === undefined || version?.S === undefined) {
      return undefined;
    }
    if (ends !== undefined && ends <= this.clock.now()) return undefined;
    return {
      key: [decodeURIComponent(partition.S), ...rest],
      value: value.S,
      version: version.S,
      expires: ends,
    };
  }

  async get(key: Key): Promise<Entry | undefined> {
    const { Item } = await this.#call<{ Item?: Item }>("GetItem", { Key: keyOf(key), ConsistentRead: true });
    return Item && this.#toEntry(Item);
  }

  async list(prefix: Key): Promise<Entry[]> {
    const { [PARTITION]: partition, [SORT]: sort } = keyOf(prefix);
    const below = prefix.length === 1 ? { S: "/" } : { S: `${sort?.S}/` };
    const found: Entry[] = [];
    let ExclusiveStartKey: Item | undefined;
    do {
      const page: { Items?: Item[]; LastEvaluatedKey?: Item } = await this.#call("Query", {
        ConsistentRead: true,
        KeyConditionExpression: `${PARTITION} = :partition AND begins_with(${SORT}, :below)`,
        ExpressionAttributeValues: { ":partition": partition, ":below": below },
        ExclusiveStartKey,
      });
      for (const item of page.Items ?? []) {
        const entry = this.#toEntry(item);
        if (entry && entry.key.length > prefix.length) found.push(entry);
      }
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey);
    return found.sort((a, b) => compareKeys(a.key, b.key));
  }

  async commit(operations: readonly Operation[]): Promise<boolean> {
    const plan = planCommit(operations);
    if (!plan) return false;
    const changes = plan.flatMap(({ key, write }): Change[] =>
      write ? [{ key, deleted: write.type === "delete" }] : []
    );
    const items = plan.map((planned) => this.#transactItem(planned));
    if (changes.length > 0) {
      items.push({ Put: { TableName: this.table, Item: noteOf(changes, this.#writer, this.clock.now()) } });
    }
    try {
      // With the token, a transaction whose answer was lost is not made twice.
      await this.#client.call("TransactWriteItems", {
        TransactItems: items,
        ClientRequestToken: crypto.randomUUID(),
      });
      return true;
    } catch (error) {
      if (!(error instanceof DynamoRefusal)) throw error;
      if (error.reasons.includes("ConditionalCheckFailed")) return false;
      throw described(error, this.table);
    }
  }

  #transactItem({ key, check, write }: PlannedKey): Record<string, unknown> {
    const condition = check ? this.#condition(check.version) : {};
    const at = { TableName: this.table, ...condition };
    if (write?.type === "put") {
      const { value, expires } = write;
      const ends: Item = expires === undefined ? {} : {
        ends: { N: String(expires) },
        [TTL]: { N: String(Math.ceil((expires + CLEAN_UP_AFTER_MS) / 1000)) },
      };
      return {
        Put: { ...at, Item: { ...keyOf(key), body: { S: value }, rev: { S: crypto.randomUUID() }, ...ends } },
      };
    }
    return write ? { Delete: { ...at, Key: keyOf(key) } } : { ConditionCheck: { ...at, Key: keyOf(key) } };
  }

  #condition(version: string | undefined): Record<string, unknown> {
    const values: Record<string, AttributeValue> = version === undefined
      ? { ":now": { N: String(this.clock.now()) } }
      : { ":rev": { S: version } };
    return {
      // What has expired counts as absent.
      ConditionExpression: version === undefined ? "attribute_not_exists(rev) OR ends <= :now" : "rev = :rev",
      ExpressionAttributeValues: values,
    };
  }

  async #call<T>(action: string, body: Record<string, unknown>): Promise<T> {
    try {
      return await this.#client.call<T>(action, { TableName: this.table, ...body });
    } catch (error) {
      throw error instanceof DynamoRefusal ? described(error, this.table) : error;
    }
  }

  watch(tell: (changes: readonly Change[] | undefined) => void): Watch {
    const watch = followNotes({
      client: this.#client,
      table: this.table,
      clock: this.clock,
      writer: this.#writer,
      tell,
    });
    this.#watches.add(watch);
    return watch;
  }

  close(): Promise<void> {
    for (const watch of this.#watches) watch.stop();
    this.#client.close();
    return Promise.resolve();
  }
}

function keyOf([first = "", ...rest]: Key): Item {
  return { [PARTITION]: { S: pathOf([first]) }, [SORT]: { S: `/${pathOf(rest)}` } };
}

function described(error: DynamoRefusal, table: string): AppError {
  return new AppError(
    "internal",
    `DynamoDB refuses work on table ${table}: ${error.message} (${error.type})`,
  );
}
