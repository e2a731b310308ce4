/**
 * Events as syslog messages: RFC 5424 over the network, by TCP in the octet counting of RFC 6587 section 3.4.1; RFC 3164
 * for the local daemon.
 * @module
 */
import type { Socket } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { dialTcp } from "../../base/dial.ts";
import { AppError } from "../../base/errors.ts";
import type { AuditEvent } from "../../model/event.ts";
import { formatEvent } from "../../model/event.ts";
import { parseEvent } from "./search.ts";
import type { SyslogForm, SyslogSender, SyslogSinkSettings } from "./sink_settings.ts";

/** RFC 5424 section 6.2.1: facility 13 is "log audit". */
const FACILITY = 13;
const NOTICE = 5;
const WARNING = 4;
/** What receivers take by default (rsyslog 8 KiB). A longer event has its long values cut, and stays JSON. */
const MAX_BYTES = 8 * 1024;
const CUT_VALUE = 256;
const WRITE_MS = 20_000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const encoder = new TextEncoder();

/** The message of one line of the log; empty for a line that is no event. */
export function syslogMessage(line: string, form: SyslogForm, { hostname, pid }: SyslogSender): string {
  const event = parseEvent(line);
  if (!event) return "";
  const priority = `<${FACILITY * 8 + (event.success === false ? WARNING : NOTICE)}>`;
  const time = new Date(event.time);
  const head = form === "local"
    ? `${priority}${localTime(time)} teleport[${pid}]: `
    : `${priority}1 ${time.toISOString()} ${nilled(hostname, 255)} teleport ${pid} ${
      nilled(event.event, 32)
    } - `;
  return head + fitting(line, event, MAX_BYTES - encoder.encode(head).length);
}

/** A field of the header: printable ASCII without blanks, or `-`. */
function nilled(text: string, max: number): string {
  return text.replace(/[^\x21-\x7e]/g, "?").slice(0, max) || "-";
}

/** RFC 3164 section 4.1.2: local time, the day padded with a blank. */
function localTime(date: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${clock}`;
}

function fitting(line: string, event: AuditEvent, room: number): string {
  if (encoder.encode(line).length <= room) return line;
  const cut: AuditEvent = { event: event.event, time: event.time, cut: true };
  let length = encoder.encode(formatEvent(cut)).length;
  for (const [name, value] of Object.entries(event)) {
    const short = typeof value === "string" ? value.slice(0, CUT_VALUE) : value;
    length += encoder.encode(JSON.stringify([name, short])).length * 2;
    if (length > room) break;
    cut[name] = short;
  }
  return formatEvent(cut);
}

export interface SyslogDeliveryOptions {
  target: SyslogSinkSettings["target"];
  sender: SyslogSender;
  clock: Clock;
  /** Has datagrams sent, to the target of this number. */
  sendDatagrams(index: number, messages: string[]): Promise<void>;
}

/** @returns `deliver` of a sink, and what ends its connection */
export function syslogDelivery(
  { target, sender, clock, sendDatagrams }: SyslogDeliveryOptions,
): { deliver(lines: readonly string[]): Promise<void>; close(): void } {
  const render = (lines: readonly string[], form: SyslogForm) =>
    lines.map((line) => syslogMessage(line, form, sender)).filter((message) => message !== "");
  if (target.kind === "datagrams") {
    const { index, form } = target;
    return { deliver: (lines) => sendDatagrams(index, render(lines, form)), close() {} };
  }
  let connection: Socket | undefined;
  const close = () => {
    connection?.destroy();
    connection = undefined;
  };
  return {
    async deliver(lines) {
      connection = connection && isUsable(connection) ? connection : await open(target);
      const text = render(lines, "network").map((message) => `${encoder.encode(message).length} ${message}`);
      try {
        await written(connection, text.join(""), clock);
      } catch (error) {
        close();
        throw error;
      }
    },
    close,
  };
}

function isUsable(socket: Socket): boolean {
  return !socket.destroyed && socket.writable && !socket.readableEnded;
}

async function open({ host, port }: { host: string; port: number }): Promise<Socket> {
  const socket = await dialTcp(host, port);
  socket.on("error", () => {}); // the next write fails, and that is where it is told
  socket.on("end", () => socket.destroy());
  socket.resume(); // receivers say nothing; this notices their end
  return socket;
}

/** Syslog over TCP acknowledges nothing: what the kernel took counts as delivered. */
function written(socket: Socket, text: string, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      timer.cancel();
      socket.off("close", onClose);
      reject(new AppError("unavailable", why));
    };
    const onClose = () => fail("it closed the connection");
    const timer = clock.after(WRITE_MS, () => fail("it does not read"));
    socket.once("close", onClose);
    socket.write(text, (error) => {
      if (error) return fail(error.message);
      timer.cancel();
      socket.off("close", onClose);
      resolve();
    });
  });
}
