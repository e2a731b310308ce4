/**
 * `tctl events`: what happened, and with `--follow` what happens.
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import type { ApiClient } from "../../src/api/client.ts";
import type { Input } from "../../src/api/contract.ts";
import { systemClock } from "../../src/base/clock.ts";
import { parseDuration } from "../../src/base/duration.ts";
import { AppError, isAppError } from "../../src/base/errors.ts";
import { type Format, formatOption, jsonLines, printableCell, table, yamlText } from "../output.ts";
import { examples, leaf, print } from "../program.ts";
import { type TctlOptions, withAdmin } from "./connect.ts";

type Event = Readonly<Record<string, string | number | boolean>>;

/** What the server gives at once. */
const MAX_LIMIT = 1000;

export function eventsCommand(options: () => TctlOptions) {
  return leaf("events", "Searches the audit log, or follows it.")
    .option(
      "--from <time>",
      "from when: a time as 2026-02-28T10:00:00Z, a day, or how long ago as 90m",
      "24h",
    )
    .addOption(new Option("--since <time>", "the same as --from").hideHelp())
    .option("--to <time>", "until when, in the same forms")
    .option("--type <events>", "only these events, comma-separated, as session.start,user.login")
    .option("--user <user>", "only what this user did, or what was done to the user")
    .option("--text <text>", "only events with this text in one of their fields")
    .option("--limit <count>", `at most this many, up to ${MAX_LIMIT}`, "100")
    .addOption(
      new Option("--order <order>", "which come first; left out: the newest of them, in the order of time")
        .choices(["newest", "oldest"]),
    )
    .option("-f, --follow", "go on with events as they come")
    .addOption(formatOption())
    .addHelpText(
      "after",
      examples(
        "tctl events --from=1h",
        "tctl events --type=auth,user.login --user=joe --format=json",
        "tctl events --from=2026-02-01 --to=2026-03-01 --text=192.0.2.7 --order=oldest",
        "tctl events --follow --limit=10",
      ),
    )
    .action(async ({ from, since, to, type, user, text, limit, order, follow, format }) => {
      const filter = { events: type?.split(",").map((name) => name.trim()), user, text };
      const query = {
        ...filter,
        from: parseTime(since ?? from),
        to: to === undefined ? undefined : parseTime(to),
        limit: parseLimit(limit),
        order,
      };
      if (follow && (order !== undefined || to !== undefined)) {
        throw new AppError("bad_input", "--follow goes on in the order of time: leave --order and --to out");
      }
      await withAdmin(options(), async ({ api }) => {
        if (follow) return await followEvents(api, query, filter, format);
        await printEvents(await api.call("events.search", query), format, true);
      });
    });
}

/** What is there, then what comes; nothing twice and nothing left out between the two. */
async function followEvents(
  api: ApiClient,
  query: Input<"events.search">,
  filter: Input<"events.follow">,
  format: Format,
): Promise<void> {
  const arrived: Event[] = [];
  let show: (events: readonly Event[]) => void = (events) => void arrived.push(...events);
  await api.follow(filter, (events) => show(events));
  const known = await api.call("events.search", query);
  const printed = Map.groupBy(known.map((event) => JSON.stringify(event)), (line) => line);
  const fresh = arrived.filter((event) => printed.get(JSON.stringify(event))?.pop() === undefined);
  let printing = printEvents([...known, ...fresh], format, true);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  show = (events) => {
    printing = printing.then(() => printEvents(events, format, false));
    printing.catch(reject);
  };
  await Promise.race([api.closed, failed]);
  await printing;
  throw new AppError("closed", "the auth server has closed the connection; start again to go on");
}

async function printEvents(events: readonly Event[], format: Format, first: boolean): Promise<void> {
  if (format === "json") return print(jsonLines(events));
  if (format === "yaml") return print(events.length > 0 || !first ? await yamlText(events) : "[]\n");
  const text = await eventTable(events);
  print(first ? text : text.split("\n").slice(2).join("\n"));
}

/** A point in time, or how long ago. @throws {AppError} bad_input */
export function parseTime(text: string, now = systemClock.now()): number {
  if (/^\d{4}-\d\d-\d\d/.test(text)) {
    const day = /^\d{4}-\d\d-\d\d$/.test(text);
    const time = Date.parse(day ? `${text}T00:00:00Z` : text);
    if (!Number.isNaN(time)) return time;
  }
  try {
    return now - parseDuration(text);
  } catch (error) {
    if (!isAppError(error)) throw error;
    throw new AppError(
      "bad_input",
      `"${text}" is not a time; write it as 2026-02-28T10:00:00Z, 2026-02-28, or 90m for that long ago`,
    );
  }
}

function parseLimit(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MAX_LIMIT) return count;
  throw new AppError("bad_input", `--limit is a number from 1 to ${MAX_LIMIT}, not "${text}"`);
}

const SHOWN_APART = new Set(["time", "event", "user", "namespace", "addr.remote", "success"]);

/** Time, event, who, from where, how it went; then the rest. */
function eventTable(events: readonly Event[]): Promise<string> {
  const details = (event: Event) =>
    Object.entries(event).filter(([name]) => !SHOWN_APART.has(name))
      .map(([name, value]) => `${name}=${printableCell(String(value))}`).join(" ");
  const outcome = ({ success }: Event) => success === undefined ? "" : success ? "ok" : "refused";
  return table(
    ["Time", "Event", "User", "Address", "Result", "Details"],
    events.map((event) => [
      ...["time", "event", "user", "addr.remote"].map((name) => String(event[name] ?? "")),
      outcome(event),
      details(event),
    ]),
  );
}
