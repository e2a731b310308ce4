/**
 * The log in syslog: the local one by its Unix socket, in the form of RFC 3164 that syslog(3) sends and every daemon
 * there understands, or one on another machine by UDP, in the form of RFC 5424.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import type { LogEntry, LogLevel } from "../../base/log_entry.ts";
import { DatagramSocket, type DatagramTarget } from "./datagram_socket.ts";
import type { LogSink } from "./queue.ts";

/** Where syslog is: wherever this system has it, or as named. */
export type SyslogTarget = { kind: "local" } | DatagramTarget;

/** The places of the local one: on Linux, elsewhere. */
const LOCAL = ["/dev/log", "/var/run/syslog"];
/** RFC 5424 section 6.2.1: facility 3 is a system daemon. */
const FACILITY = 3;
const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warning: 4, error: 3 };
/** What receivers take by default (rsyslog 8 KiB; RFC 5426 asks for 2 KiB at least); more is cut. */
const MAX_BYTES = 8 * 1024;
const RETRY_FULL_MS = 20;
const MAX_FULL_MS = 2000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const encoder = new TextEncoder();

export interface SyslogOptions {
  target: SyslogTarget;
  /** What the message says, without time and severity, which syslog has by itself. */
  body(entry: LogEntry): string;
  hostname: string;
  pid: number;
  clock: Clock;
}

export function syslogSink(options: SyslogOptions): LogSink {
  const { target, clock } = options;
  let socket: DatagramSocket | undefined;
  const disconnect = () => {
    socket?.close();
    socket = undefined;
  };
  const send = async (line: Uint8Array<ArrayBuffer>) => {
    socket ??= await connect(target);
    const until = clock.now() + MAX_FULL_MS;
    while (socket.send(line) === "full") {
      if (clock.now() > until) throw new AppError("timeout", "syslog does not read");
      await new Promise<void>((resolve) => clock.after(RETRY_FULL_MS, resolve));
    }
  };
  return {
    render: (entry) => encoder.encode(syslogMessage(entry, options)).slice(0, MAX_BYTES),
    async write(lines) {
      for (const line of lines) {
        try {
          await send(line);
        } catch (error) {
          if (socket === undefined) throw error;
          disconnect(); // the daemon was started anew, and has another socket of the same name
          await send(line);
        }
      }
    },
    reopen: disconnect,
    close: disconnect,
  };
}

async function connect(target: SyslogTarget): Promise<DatagramSocket> {
  if (target.kind !== "local") return await DatagramSocket.connect(target);
  let failure: unknown;
  for (const path of LOCAL) {
    try {
      return await DatagramSocket.connect({ kind: "unix", path });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** The datagram's text. */
export function syslogMessage(
  entry: LogEntry,
  { target, body, hostname, pid }: Pick<SyslogOptions, "target" | "body" | "hostname" | "pid">,
): string {
  const priority = `<${FACILITY * 8 + SEVERITY[entry.level]}>`;
  if (target.kind !== "udp") return `${priority}${localTime(entry.time)} teleport[${pid}]: ${body(entry)}`;
  const time = new Date(entry.time).toISOString();
  return `${priority}1 ${time} ${hostname.slice(0, 255) || "-"} teleport ${pid} ${
    entry.component.slice(0, 32)
  } - ${body(entry)}`;
}

/** RFC 3164 section 4.1.2: local time, the day padded with a blank. */
function localTime(ms: number): string {
  const date = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${clock}`;
}
