/**
 * The calls that the pages make.
 * @module
 */
import type { Contract, Input, Method, Output } from "../api/contract.ts";
import type { AuditEvent } from "../model/event.ts";
import { apiUrl, request, requestJson } from "./request.ts";

/** One call of the auth API, with the user's own rights. @throws {RequestFailure} */
export async function call<M extends Method>(
  method: M,
  input: Input<M>,
  signal?: AbortSignal,
): Promise<Output<M>> {
  return await requestJson<Output<M & keyof Contract>>(`/call/${method}`, {
    method: "POST",
    body: input,
    ...(signal ? { signal } : {}),
  });
}

/** What another cluster is asked, too. */
type SiteMethod = "access.mine" | "sessions.list" | "sessions.end" | "events.search" | "recordings.list";

/** One call of a cluster's auth API, with the rights that the user has there. @param site undefined: this cluster */
export async function callIn<M extends SiteMethod>(
  site: string | undefined,
  method: M,
  input: Input<M>,
  signal?: AbortSignal,
): Promise<Output<M>> {
  if (site === undefined) return await call(method, input, signal);
  return await requestJson<Output<M & keyof Contract>>(`${sitePath(site)}/call/${method}`, {
    method: "POST",
    body: input,
    ...(signal ? { signal } : {}),
  });
}

/** A session, and the cluster that records it, where that is another one. */
export interface SessionRef {
  sid: string;
  site: string | undefined;
}

function sessionPath({ sid, site }: SessionRef): string {
  return `${sitePath(site)}/sessions/${encodeURIComponent(sid)}`;
}

/** A server, and the logins that this user may use there. */
export interface NodeItem {
  id: string;
  hostname: string;
  addr: string;
  labels: Record<string, string>;
  logins: string[];
}

const SITE = "/sites/-current-";

/** A cluster: this one, or one that is reached through it. */
export interface SiteItem {
  name: string;
  status: "online" | "offline";
}

/** This cluster first. */
export async function listSites(signal?: AbortSignal): Promise<SiteItem[]> {
  return await requestJson<SiteItem[]>("/sites", signal ? { signal } : {});
}

/** @param site left out: this cluster */
function sitePath(site: string | undefined): string {
  return site === undefined ? SITE : `/sites/${encodeURIComponent(site)}`;
}

export async function listNodes(signal?: AbortSignal, site?: string): Promise<NodeItem[]> {
  const { items } = await requestJson<{ items: NodeItem[] }>(
    `${sitePath(site)}/nodes`,
    signal ? { signal } : {},
  );
  return items;
}

/** One line of a recording: output, or an event. */
export type RecordedEvent = Partial<Omit<AuditEvent, "event">> & {
  event: string;
  /** Milliseconds since the first output. */
  ms?: number;
  /** Of output: where it begins, and how long it is. */
  offset?: number;
  bytes?: number;
};

export async function recordedEvents(session: SessionRef, signal?: AbortSignal): Promise<RecordedEvent[]> {
  const { events } = await requestJson<{ events: RecordedEvent[] }>(
    `${sessionPath(session)}/events`,
    { timeoutMs: 120_000, ...(signal ? { signal } : {}) },
  );
  return events;
}

/** Whether a recording is as it was made, and who signed it. Reads all of it. */
export async function recordingVerdict(
  session: SessionRef,
  signal?: AbortSignal,
): Promise<{ sound: boolean; text: string }> {
  return await requestJson(`${sessionPath(session)}/verdict`, {
    timeoutMs: 120_000,
    ...(signal ? { signal } : {}),
  });
}

/** Some of a recording's output. */
export async function recordedBytes(
  session: SessionRef,
  offset: number,
  bytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const path = `${sessionPath(session)}/stream?offset=${offset}&bytes=${bytes}`;
  const answer = await request(path, { timeoutMs: 120_000, ...(signal ? { signal } : {}) });
  return new Uint8Array(await answer.arrayBuffer());
}

export type RecordingFormat = "asciicast" | "text" | "bytes";

/** The address of a recording as a file; see {@linkcode downloadLink}. */
export function recordingPath(session: SessionRef, format: RecordingFormat): string {
  return `${sessionPath(session)}/download?format=${format}`;
}

/** The address of a file of a server. */
export function filePath(
  { server, login, site }: { server: string; login: string; site?: string | undefined },
  path: string,
  offset = 0,
): string {
  const words = [server, login].map(encodeURIComponent).join("/");
  const from = offset === 0 ? "" : `&offset=${offset}`;
  return `${sitePath(site)}/nodes/${words}/files?path=${encodeURIComponent(path)}${from}`;
}

/** Where a terminal's WebSocket goes. */
export function terminalUrl(site: string | undefined): string {
  const url = new URL(apiUrl(`${sitePath(site)}/connect`), location.href);
  url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
  return url.href;
}

/** Events of a cluster as they happen. */
export function followPath(site: string | undefined, query: Record<string, string>): string {
  return `${sitePath(site)}/events/follow?${new URLSearchParams(query)}`;
}

/**
 * An address that works once as a plain link, within seconds: a link carries no bearer, and so the browser itself can
 * take the file and show how far it is.
 */
export async function downloadLink(path: string): Promise<string> {
  const full = apiUrl(path);
  const { ticket } = await requestJson<{ ticket: string }>("/tickets", {
    method: "POST",
    body: { path: full },
  });
  return `${full}&ticket=${encodeURIComponent(ticket)}`;
}
