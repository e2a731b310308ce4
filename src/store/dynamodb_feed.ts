/**
 * What others have written into a DynamoDB table. Streams are another resource, which the documented policy does not
 * cover; so every commit leaves a note in the table itself, and the notes are looked at every second.
 * @module
 */
import { type Clock, every } from "../base/clock.ts";
import { MINUTE, SECOND } from "../base/duration.ts";
import { messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { DynamoClient, Item } from "./aws/dynamodb_client.ts";
import type { Change, Watch } from "./backend.ts";
import { PARTITION, SORT, TTL } from "./dynamodb_table.ts";

const log = logger("store");
/** The partition of the notes; no key of the store begins like that. */
const NOTES = "#changes";
const LOOK_MS = SECOND;
/** A commit takes a while, and clocks run apart: notes may turn up so long after their time. */
const LATE_MS = 30 * SECOND;
/** Notes are kept for so long; who was away for longer has missed some. */
const KEPT_MS = 60 * MINUTE;

/** The note of a commit: an item of its own, so that commits do not wait for each other. */
export function noteOf(changes: readonly Change[], writer: string, now: number): Item {
  return {
    [PARTITION]: { S: NOTES },
    [SORT]: { S: `${String(now).padStart(15, "0")}/${crypto.randomUUID()}` },
    [TTL]: { N: String(Math.ceil((now + KEPT_MS) / 1000)) },
    writer: { S: writer },
    keys: { S: JSON.stringify(changes) },
  };
}

export interface DynamoFeedOptions {
  client: DynamoClient;
  table: string;
  clock: Clock;
  /** Whose notes are left out. */
  writer: string;
  tell(changes: readonly Change[] | undefined): void;
}

export function followNotes(options: DynamoFeedOptions): Watch {
  const { client, table, clock, writer, tell } = options;
  let looked = clock.now();
  let stopped = false;
  let first = true;
  let silent = false;
  /** Notes that were seen, by sort key, and still turn up. */
  let seen = new Set<string>();

  const look = async () => {
    const now = clock.now();
    const from = String(Math.max(0, looked - LATE_MS)).padStart(15, "0");
    const changes: Change[] = [];
    const current = new Set<string>();
    let ExclusiveStartKey: Item | undefined;
    do {
      const page: { Items?: Item[]; LastEvaluatedKey?: Item } = await client.call("Query", {
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: `${PARTITION} = :notes AND ${SORT} >= :from`,
        ExpressionAttributeValues: { ":notes": { S: NOTES }, ":from": { S: from } },
        ExclusiveStartKey,
      });
      for (const item of page.Items ?? []) {
        const name = item[SORT]?.S ?? "";
        current.add(name);
        if (seen.has(name) || item.writer?.S === writer || first) continue;
        changes.push(...JSON.parse(item.keys?.S ?? "[]"));
      }
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey);
    const missed = first || now - looked > KEPT_MS - LATE_MS;
    [looked, seen, first] = [now, current, false];
    if (stopped) return;
    if (missed) tell(undefined);
    else if (changes.length > 0) tell(changes);
  };

  const guarded = async () => {
    try {
      await look();
      silent = false;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (stopped || silent) return;
      silent = true;
      log.warn("changes of other auth servers are not heard for the moment: {error}", {
        error: messageOf(error),
      });
    }
  };
  void guarded();
  const looking = every(clock, LOOK_MS, guarded);
  return {
    stop() {
      stopped = true;
      looking.cancel();
    },
  };
}
