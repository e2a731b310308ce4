import { assertEquals } from "@std/assert";
import { FakeClock } from "../../../tests/kit/clock.ts";
import { DynamoLocal, dynamoProgram } from "../../../tests/kit/dynamodb.ts";
import { systemClock } from "../../base/clock.ts";
import { DAY, HOUR } from "../../base/duration.ts";
import { eventTime } from "../../model/event.ts";
import { prepareTable } from "../../store/dynamodb_table.ts";
import { DynamoEvents } from "./dynamodb_events.ts";

const program = await dynamoProgram();
const ignore = program === undefined;
const dynamo = program === undefined ? undefined : await DynamoLocal.start(program);
globalThis.addEventListener("unload", () => dynamo?.kill());

const NOON = Math.floor(Date.now() / DAY) * DAY - DAY / 2;
const line = (user: string, time: number, event = "user.login") =>
  JSON.stringify({ event, time: eventTime(time), user });

async function open(table: string) {
  if (!dynamo) throw new Error("there is no DynamoDB Local");
  const client = dynamo.client();
  await prepareTable(client, table, systemClock, undefined);
  const clock = new FakeClock(NOON + 2 * HOUR);
  const of = (server: string) => new DynamoEvents(client, table, clock, server);
  return { client, clock, one: of("one"), other: of("other"), [Symbol.dispose]: () => client.close() };
}

Deno.test(
  { name: "events of all auth servers are found in one table, by day, order and limit", ignore },
  async () => {
    using setting = await open("events");
    const { one, other } = setting;
    await one.deliver([line("joe", NOON - DAY), line("ann", NOON), line("eve", NOON + 1, "auth")]);
    await other.deliver([line("bob", NOON - HOUR)]);
    const users = async (query: Parameters<DynamoEvents["search"]>[0]) =>
      (await one.search({ events: ["user.login"], ...query })).map(({ user }) => user);
    assertEquals(await users({}), ["joe", "bob", "ann"]);
    assertEquals(await users({ order: "newest", limit: 2 }), ["ann", "bob"]);
    assertEquals(await users({ order: "oldest", limit: 2 }), ["joe", "bob"]);
    assertEquals(await users({ limit: 2 }), ["bob", "ann"]);
    assertEquals(await users({ from: NOON - 2 * HOUR, to: NOON - 1 }), ["bob"]);
    assertEquals((await one.search({}, ({ user }) => user === "eve")).length, 1);
  },
);

Deno.test({
  name: "an event that is delivered twice is there once, for a year, and more than a batch at once",
  ignore,
}, async () => {
  using setting = await open("twice");
  const { one, client } = setting;
  const lines = Array.from({ length: 60 }, (_, i) => line(`user${i}`, NOON + i));
  await one.deliver(lines);
  await one.deliver(lines);
  assertEquals((await one.search({})).length, 60);
  const { Items } = await client.call<{ Items: Record<string, { N?: string }>[] }>("Scan", {
    TableName: "twice",
  });
  const year = new Set(Items.map(({ ttl }) => Math.round((Number(ttl?.N) * 1000 - NOON) / DAY)));
  assertEquals([...year], [365]);
});

Deno.test({ name: "events of other auth servers are followed, one's own are left out", ignore }, async () => {
  using setting = await open("followed");
  const { one, other, clock } = setting;
  await other.deliver([line("before", clock.now() - 10_000)]);
  const heard = Promise.withResolvers<unknown[]>();
  const following = one.follow((events) => heard.resolve(events.map(({ user }) => user)));
  // Its first look must be over; calls go to a real server, whatever the clock says.
  await one.search({});
  await one.search({});
  await one.deliver([line("own", clock.now())]);
  await other.deliver([line("theirs", clock.now())]);
  await clock.advance(2000);
  assertEquals(await heard.promise, ["theirs"]);
  following.cancel();
  await one.search({});
});
