/**
 * Audit events in a table of DynamoDB, where all auth servers put theirs; kept for a year. The day is the partition, time
 * and a digest the sort key, so that an event that is sent twice is there once.
 * @module
 */
import { createHash } from "node:crypto";
import { type Clock, every, type Timer } from "../../base/clock.ts";
import { DAY, SECOND } from "../../base/duration.ts";
import { AppError, messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { AuditEvent } from "../../model/event.ts";
import { type DynamoClient, DynamoRefusal, type Item } from "../../store/aws/dynamodb_client.ts";
import { PARTITION, SORT, TTL } from "../../store/dynamodb_table.ts";
import type { EventTable } from "./log.ts";
import { eventFilter, type EventSearch, parseEvent } from "./search.ts";

const log = logger("auth");
const KEPT_MS = 365 * DAY;
/** DynamoDB's own bound of a batch. */
const BATCH = 25;
const BATCH_ATTEMPTS = 10;
const DEFAULT_LIMIT = 1000;
const SEARCH_MS = 20 * SECOND;
const LOOK_MS = 2 * SECOND;
/** Events come late: their auth server was cut off, or its clock runs apart. */
const LATE_MS = 60 * SECOND;

export class DynamoEvents implements EventTable {
  /** @param server this host's id: its own events are left out where those of others are told */
  constructor(
    readonly client: DynamoClient,
    readonly table: string,
    readonly clock: Clock,
    readonly server: string,
  ) {}

  /** Puts lines of the log into the table. */
  async deliver(lines: readonly string[]): Promise<void> {
    const items = new Map(
      lines.flatMap((line) => {
        const event = parseEvent(line);
        if (!event) return [];
        const item = this.#itemOf(event, line);
        return [[`${item[PARTITION]?.S} ${item[SORT]?.S}`, item] as const];
      }),
    );
    const all = [...items.values()];
    for (let i = 0; i < all.length; i += BATCH) await this.#put(all.slice(i, i + BATCH));
  }

  #itemOf(event: AuditEvent, line: string): Item {
    const time = Date.parse(event.time);
    const digest = createHash("sha256").update(`${this.server}\n${line}`).digest("hex").slice(0, 24);
    return {
      [PARTITION]: { S: dayOf(time) },
      [SORT]: { S: `${new Date(time).toISOString()}/${digest}` },
      [TTL]: { N: String(Math.ceil((time + KEPT_MS) / 1000)) },
      server: { S: this.server },
      event: { S: line },
    };
  }

  async #put(items: readonly Item[]): Promise<void> {
    let requests: unknown[] = items.map((Item) => ({ PutRequest: { Item } }));
    for (let attempt = 1; requests.length > 0; attempt++) {
      if (attempt > BATCH_ATTEMPTS) {
        throw new AppError("unavailable", `the table ${this.table} takes no more for now`);
      }
      const { UnprocessedItems = {} } = await this.#call<{ UnprocessedItems?: Record<string, unknown[]> }>(
        "BatchWriteItem",
        { RequestItems: { [this.table]: requests } },
      );
      requests = UnprocessedItems[this.table] ?? [];
      if (requests.length > 0) await new Promise<void>((resolve) => this.clock.after(100 * attempt, resolve));
    }
  }

  async search(
    query: EventSearch,
    visible: (event: AuditEvent) => boolean = () => true,
  ): Promise<AuditEvent[]> {
    const { limit = DEFAULT_LIMIT, order } = query;
    const now = this.clock.now();
    const from = Math.max(query.from ?? 0, now - KEPT_MS - DAY);
    const to = Math.min(query.to ?? Infinity, now + DAY);
    const fits = eventFilter(query);
    const deadline = now + SEARCH_MS;
    const found: AuditEvent[] = [];
    const oldestFirst = order === "oldest";
    for (const day of daysBetween(from, to, oldestFirst)) {
      for await (const { line } of this.#read(day, from, to, oldestFirst)) {
        const event = parseEvent(line);
        if (event && fits(event) && visible(event)) found.push(event);
        if (found.length >= limit) break;
        if (this.clock.now() > deadline) {
          throw new AppError("limit", "the search takes too long: name a shorter time (--from, --to)");
        }
      }
      if (found.length >= limit) break;
    }
    return order === undefined ? found.reverse() : found;
  }

  async *#read(
    day: string,
    from: number,
    to: number,
    oldestFirst: boolean,
  ): AsyncIterable<{ name: string; server: string; line: string }> {
    let ExclusiveStartKey: Item | undefined;
    do {
      const page: { Items?: Item[]; LastEvaluatedKey?: Item } = await this.#call("Query", {
        TableName: this.table,
        ConsistentRead: true,
        ScanIndexForward: oldestFirst,
        KeyConditionExpression: `${PARTITION} = :day AND ${SORT} BETWEEN :from AND :to`,
        ExpressionAttributeValues: {
          ":day": { S: day },
          ":from": { S: new Date(from).toISOString() },
          ":to": { S: `${new Date(to).toISOString()}/~` },
        },
        ExclusiveStartKey,
      });
      for (const item of page.Items ?? []) {
        yield { name: item[SORT]?.S ?? "", server: item.server?.S ?? "", line: item.event?.S ?? "" };
      }
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey);
  }

  follow(tell: (events: readonly AuditEvent[]) => void): Timer {
    let seen = new Set<string>();
    let first = true;
    let looked = this.clock.now();
    const look = async () => {
      const now = this.clock.now();
      const from = looked - LATE_MS;
      const current = new Set<string>();
      const events: AuditEvent[] = [];
      for (const day of daysBetween(from, now + LATE_MS, true)) {
        for await (const { name, server, line } of this.#read(day, from, now + LATE_MS, true)) {
          current.add(name);
          const event = first || seen.has(name) || server === this.server ? undefined : parseEvent(line);
          if (event) events.push(event);
        }
      }
      [seen, looked, first] = [current, now, false];
      if (events.length > 0) tell(events);
    };
    const guarded = async () => {
      try {
        await look();
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        log.warn("the events of other auth servers cannot be read: {error}", { error: messageOf(error) });
      }
    };
    void guarded();
    return every(this.clock, LOOK_MS, guarded);
  }

  async #call<T>(action: string, body: Record<string, unknown>): Promise<T> {
    try {
      return await this.client.call<T>(action, body);
    } catch (error) {
      if (!(error instanceof DynamoRefusal)) throw error;
      throw new AppError("unavailable", `the table ${this.table}: ${error.message} (${error.type})`);
    }
  }
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function* daysBetween(from: number, to: number, oldestFirst: boolean): Iterable<string> {
  const [first, last] = [Math.floor(from / DAY), Math.floor(to / DAY)];
  for (let i = 0; i <= last - first; i++) yield dayOf((oldestFirst ? first + i : last - i) * DAY);
}
