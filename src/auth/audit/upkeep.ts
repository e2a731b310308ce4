/**
 * What goes on around the audit log while auth runs: it is passed on to collectors, and what is too old is deleted.
 * @module
 */
import { createHash } from "node:crypto";
import { type Clock, every } from "../../base/clock.ts";
import { HOUR } from "../../base/duration.ts";
import { messageOf } from "../../base/errors.ts";
import type { Files } from "../../base/files.ts";
import { logger } from "../../base/log.ts";
import type { Outside } from "../../base/role.ts";
import type { DynamoEvents } from "./dynamodb_events.ts";
import { httpDelivery } from "./http_delivery.ts";
import type { AuditLog } from "./log.ts";
import type { Recordings } from "./recordings.ts";
import { applyRetention } from "./retention.ts";
import { AuditSink } from "./sink.ts";
import type { SinkSettings, SyslogSender } from "./sink_settings.ts";
import { syslogDelivery } from "./syslog_delivery.ts";

const log = logger("auth");
const STOP_MS = 500;

/** What the configuration says about the audit log; plain data. */
export interface AuditSettings {
  sinks: SinkSettings[];
  sender: SyslogSender;
  /** Milliseconds; absent: for ever. */
  keepLog?: number;
  keepRecordings?: number;
}

export interface UpkeepOptions {
  settings: AuditSettings;
  audit: AuditLog;
  recordings: Recordings;
  /** Whether a session's recording still comes in. */
  receiving(sid: string): boolean;
  /** Where sinks keep their places. */
  directory: string;
  files: Files;
  clock: Clock;
  outside: Outside;
  /** A table that gets every event, if there is one. */
  table?: Pick<DynamoEvents, "table" | "deliver"> | undefined;
}

/** What may wait for the table: the log on this machine is what it is filled from. */
const TABLE_BEHIND = 1024 * 1024 * 1024;

export interface Upkeep {
  /** Numbers for the diagnostics. */
  counts(): Record<string, number>;
  stop(): Promise<void>;
}

export async function startUpkeep(options: UpkeepOptions): Promise<Upkeep> {
  const { settings, audit, recordings, files, clock, directory, receiving } = options;
  const sinks = await Promise.all(settings.sinks.map(async (sink) => {
    const { deliver, close } = deliveryOf(sink, options);
    const id = createHash("sha256").update(sink.name).digest("hex").slice(0, 16);
    await files.makeDirectory(directory);
    const running = await AuditSink.start({
      name: sink.name,
      log: audit,
      files,
      path: `${directory}/${id}.json`,
      events: sink.events,
      maxBehind: sink.maxBehind,
      clock,
      deliver,
      report: (level, text) => level === "info" ? log.info("{text}", { text }) : log.warn("{text}", { text }),
    });
    return { running, close };
  }));
  if (options.table) sinks.push({ running: await fillTable(options.table, options), close: () => {} });
  // A collector that is away for good holds back only as much as may wait for it: its sink then gives up the oldest.
  const neededFrom = () => Math.min(...sinks.map(({ running }) => running.needsFrom));
  const retain = async () => {
    try {
      await applyRetention({ log: audit, recordings, files, clock, receiving, neededFrom, ...settings });
    } catch (error) {
      log.error("old parts of the audit log cannot be deleted: {error}", { error: messageOf(error) });
    }
  };
  await retain();
  const retaining = every(clock, HOUR, retain);
  return {
    counts: () => ({
      audit_passed_on: sinks.reduce((sum, { running }) => sum + running.state.delivered, 0),
      audit_given_up: sinks.reduce((sum, { running }) => sum + running.state.lost, 0),
    }),
    async stop() {
      retaining.cancel();
      await Promise.all(sinks.map(async ({ running, close }) => {
        await running.stop(STOP_MS);
        close();
      }));
    },
  };
}

async function fillTable(
  table: NonNullable<UpkeepOptions["table"]>,
  { audit, files, clock, directory }: UpkeepOptions,
): Promise<AuditSink> {
  await files.makeDirectory(directory);
  return await AuditSink.start({
    name: `dynamodb ${table.table}`,
    log: audit,
    files,
    path: `${directory}/table.json`,
    maxBehind: TABLE_BEHIND,
    clock,
    deliver: (lines) => table.deliver(lines),
    report: (level, text) => level === "info" ? log.info("{text}", { text }) : log.warn("{text}", { text }),
  });
}

function deliveryOf(
  sink: SinkSettings,
  { settings, files, clock, outside }: UpkeepOptions,
): { deliver(lines: readonly string[]): Promise<void>; close(): void } {
  if (sink.type === "http") return { deliver: httpDelivery(sink, files), close() {} };
  return syslogDelivery({
    target: sink.target,
    sender: settings.sender,
    clock,
    sendDatagrams: (index, messages) => outside.sendDatagrams(index, messages),
  });
}
