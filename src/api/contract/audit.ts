/**
 * The audit log and the recordings.
 * @module
 */
import * as v from "valibot";
import { administrator, either, guests, guestsWhoMay, hosts, may, users } from "../access.ts";
import { entry, event, nothing, text, time, uuid } from "./schemas.ts";

const filter = {
  events: v.optional(v.pipe(v.array(text(64)), v.maxLength(64))),
  user: v.optional(text(256)),
  text: v.optional(text(256)),
};

export const auditCalls = {
  /** Nodes and proxies report what happened. The server stamps who reported it. */
  "events.emit": entry({
    input: v.strictObject({ events: v.pipe(v.array(event), v.maxLength(500)) }),
    output: nothing,
    access: hosts("node", "proxy"),
    audited: true,
  }),

  "events.search": entry({
    input: v.strictObject({
      from: v.optional(time),
      to: v.optional(time),
      ...filter,
      limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000))),
      /** Left out: the newest, in the order of time. */
      order: v.optional(v.picklist(["newest", "oldest"])),
    }),
    output: v.array(event),
    access: either(may("event", "list"), guestsWhoMay("event", "list")),
    audited: false,
  }),

  /** From now on the server sends this connection the events that fit, as notifications `events`. */
  "events.follow": entry({
    input: v.strictObject(filter),
    output: nothing,
    access: either(may("event", "list"), guestsWhoMay("event", "list")),
    audited: false,
  }),

  /** Recorded sessions, the newest first. */
  "recordings.list": entry({
    input: v.strictObject({
      limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000))),
    }),
    output: v.array(v.object({
      sid: uuid,
      bytes: v.number(),
      modified: time,
      complete: v.boolean(),
      user: v.optional(v.string()),
      login: v.optional(v.string()),
      server_id: v.optional(v.string()),
      /** The host it ran on, where a proxy has recorded it. */
      name: v.optional(v.string()),
      started: v.optional(time),
      ended: v.optional(time),
    })),
    access: either(administrator, users, guests),
    audited: false,
  }),

  /** A part of a recording, base64. A reader goes on until it gets less than it asked for. */
  "recordings.read": entry({
    input: v.strictObject({
      sid: uuid,
      part: v.picklist(["bytes", "log"]),
      offset: v.pipe(v.number(), v.integer(), v.minValue(0)),
      length: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(512 * 1024)),
    }),
    output: v.object({ data: v.string(), size: v.number() }),
    access: either(administrator, users, guests),
    audited: false,
  }),
} as const;
