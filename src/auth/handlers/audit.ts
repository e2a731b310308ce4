/**
 * The audit log and the recordings.
 * @module
 */
import { Buffer } from "node:buffer";
import type { auditCalls } from "../../api/contract/audit.ts";
import { allowed } from "../../api/access.ts";
import type { CallContext, Handlers } from "../../api/serve.ts";
import { MINUTE } from "../../base/duration.ts";
import { AppError, messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import {
  type AuditEvent,
  EVENT_NAMES,
  type EventFields,
  type EventName,
  sessionTime,
} from "../../model/event.ts";
import { describe, type HostIdentity } from "../../model/identity.ts";
import type { Verb } from "../../model/role.ts";
import { followLog } from "../audit/follow.ts";
import type { AuthService } from "../service.ts";

const log = logger("auth");

/** Events that hosts may report; all others are the auth server's own to make. */
const REPORTED: ReadonlySet<EventName> = new Set([
  "auth",
  "session.start",
  "session.end",
  "session.join",
  "session.leave",
  "session.gap",
  "resize",
  "exec",
  "scp",
  "sftp",
  "port",
  "subsystem",
  "client.disconnect",
  "client.refused",
  "proxy.connect",
  "tunnel.open",
  "tunnel.close",
  "events.lost",
]);
/** A reader takes a recording in many parts: within this time they are one event. */
const ONE_READING_MS = 10 * MINUTE;
const MAX_READINGS = 1000;

export function auditHandlers(auth: AuthService): Pick<Handlers, keyof typeof auditCalls> {
  const { audit, recordings } = auth;
  const readings = new Map<string, number>();
  /** Looking at a recording is an event, once for each reader in a while. */
  const noteReading = async (sid: string, { identity, address }: CallContext, error?: string) => {
    const key = `${describe(identity)} ${sid} ${error ?? ""}`;
    const now = auth.clock.now();
    const last = readings.get(key);
    if (last !== undefined && now - last < ONE_READING_MS) return;
    const user = describe(identity);
    await audit.emit({
      event: "recording.read",
      user,
      sid,
      success: error === undefined,
      error,
      "addr.remote": address,
    });
    if (readings.size >= MAX_READINGS) readings.clear(); // an event too many is better than one too few
    readings.set(key, now);
  };
  return {
    "events.emit": async ({ events }, { identity }) => {
      await Promise.all(events.map((event) => audit.report(reported(event, identity as HostIdentity))));
      return {};
    },
    "events.search": async (query, context) =>
      await audit.search(query, (event) => allowed(context, "event", "list", { resource: event })),
    "events.follow": (filter, context) => {
      const { identity } = context;
      const visible = async () => {
        const rights = identity.kind === "user" ? await auth.rights.of(identity) : undefined;
        return (event: AuditEvent) => allowed({ identity, rights }, "event", "list", { resource: event });
      };
      const fault = (error: unknown) =>
        log.error("events cannot be followed: {error}", { error: messageOf(error) });
      context.follow(({ send, end }) => followLog(audit, { filter, visible, send, end, fault }));
      return Promise.resolve({});
    },
    "recordings.list": ({ limit = 100 }, context) =>
      recordings.list(limit, (sid) => maySee(auth, sid, "list", context)),
    "recordings.read": async ({ sid, part, offset, length }, context) => {
      if (!await maySee(auth, sid, "read", context)) {
        await noteReading(sid, context, "no role allows it");
        throw new AppError("not_found", `there is no recording of session ${sid}`);
      }
      const { data, size } = await recordings.read(sid, part, offset, length);
      await noteReading(sid, context);
      return { data: Buffer.from(data).toString("base64"), size };
    },
  };
}

/** Whoever took part in a session sees its recording; others need a rule. */
async function maySee(auth: AuthService, sid: string, verb: Verb, context: CallContext): Promise<boolean> {
  if (allowed(context, "session", verb)) return true;
  const { identity, rights } = context;
  if (identity.kind !== "user") return false;
  const parties = [...await auth.recordings.participants(sid)];
  return parties.includes(identity.name) ||
    rights?.may("session", verb, { session: { sid, parties } }) === true;
}

/** An event from a host: of a kind it may report, and marked with the host that reported it. */
function reported(event: Record<string, string | number | boolean>, host: HostIdentity): EventFields {
  const name = EVENT_NAMES.find((known) => known === event.event);
  if (!name || !REPORTED.has(name)) {
    throw new AppError(
      "access_denied",
      `a ${host.role} may not report the event "${String(event.event).slice(0, 64)}"`,
    );
  }
  const told = typeof event.time === "string" ? Date.parse(event.time) : NaN;
  // Written anew: what reads as a time may hold anything beside it. Without one the log stamps it.
  const time = Number.isNaN(told) ? undefined : sessionTime(told);
  return { ...event, event: name, server_id: host.hostId, time };
}
