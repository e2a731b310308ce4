/**
 * `tctl events`: what happened.
 * @module
 */
import { parseDuration } from "../../src/base/duration.ts";
import { formatOption, printableCell, printResult, table } from "../output.ts";
import { examples, leaf } from "../program.ts";
import { type TctlOptions, withAdmin } from "./connect.ts";

export function eventsCommand(options: () => TctlOptions) {
  return leaf("events", "Searches the audit log.")
    .option("--since <duration>", "how far back to look", "24h")
    .option("--type <events>", "only these events, comma-separated, as session.start,user.login")
    .option("--user <user>", "only events of this user")
    .option("--limit <count>", "at most this many, the newest", "100")
    .addOption(formatOption())
    .addHelpText(
      "after",
      examples("tctl events --since=1h", "tctl events --type=auth,user.login --format=json"),
    )
    .action(async ({ since, type, user, limit, format }) => {
      await withAdmin(options(), async ({ api }) => {
        const found = await api.call("events.search", {
          from: Date.now() - parseDuration(since),
          events: type?.split(",").map((name) => name.trim()),
          limit: Math.min(Math.max(1, Number(limit) || 100), 1000),
        });
        const events = user === undefined ? found : found.filter((event) => event.user === user);
        await printResult(format, events, () => `${eventTable(events)}\n`);
      });
    });
}

const SHOWN_APART = new Set(["time", "event", "user", "namespace"]);

function eventTable(events: readonly Record<string, string | number | boolean>[]): string {
  const details = (event: Record<string, string | number | boolean>) =>
    Object.entries(event).filter(([name]) => !SHOWN_APART.has(name))
      .map(([name, value]) => `${name}=${printableCell(String(value))}`).join(" ");
  return table(
    ["Time", "Event", "User", "Details"],
    events.map((
      event,
    ) => [String(event.time), String(event.event), String(event.user ?? ""), details(event)]),
  );
}
