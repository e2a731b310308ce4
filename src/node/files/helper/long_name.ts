/**
 * A file as one line of `ls -l`, laid out as OpenSSH's sftp-server does.
 * @module
 */
import { FileType, fileType } from "../../../ssh/sftp/attributes.ts";
import { groupName, userName } from "./account_names.ts";
import type { FileInfo } from "./calls.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** Older files are shown with their year instead of the time of day. */
const RECENT_SECONDS = 365 * 24 * 60 * 60 / 2;
const TYPE_LETTERS: ReadonlyMap<number, string> = new Map([
  [FileType.FIFO, "p"],
  [FileType.CHARACTER, "c"],
  [FileType.DIRECTORY, "d"],
  [FileType.BLOCK, "b"],
  [FileType.REGULAR, "-"],
  [FileType.LINK, "l"],
  [FileType.SOCKET, "s"],
]);
const encoder = new TextEncoder();

/** @param now seconds since the epoch */
export function longName(info: FileInfo, name: Uint8Array, now: number): Uint8Array {
  const columns = [
    `${modeText(info.mode)} `,
    String(info.links).padStart(3),
    (userName(info.uid) ?? String(info.uid)).padEnd(8),
    (groupName(info.gid) ?? String(info.gid)).padEnd(8),
    String(info.size).padStart(8),
    timeText(info.modified, now),
    "",
  ];
  const start = encoder.encode(columns.join(" "));
  const line = new Uint8Array(start.length + name.length);
  line.set(start);
  line.set(name, start.length);
  return line;
}

/** As strmode(3): ten letters. */
export function modeText(mode: number): string {
  const group = (bits: number, special: number, set: string) => {
    const execute = (bits & 1) !== 0;
    const last = special ? (execute ? set : set.toUpperCase()) : execute ? "x" : "-";
    return `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${last}`;
  };
  const type = TYPE_LETTERS.get(fileType(mode)) ?? "?";
  return type + group(mode >> 6, mode & 0o4000, "s") + group(mode >> 3, mode & 0o2000, "s") +
    group(mode, mode & 0o1000, "t");
}

function timeText(seconds: number, now: number): string {
  const date = new Date(seconds * 1000);
  const day = `${MONTHS[date.getMonth()] ?? "???"} ${String(date.getDate()).padStart(2)}`;
  const two = (value: number) => String(value).padStart(2, "0");
  if (now - RECENT_SECONDS < seconds) return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
  return `${day}  ${date.getFullYear()}`;
}
