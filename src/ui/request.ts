/**
 * Requests to the proxy: the session's bearer and the CSRF token go with each, failures come back as one kind of error.
 * @module
 */
import { CSRF_COOKIE, CSRF_HEADER, type WebFailure } from "../model/web.ts";
import { Cell } from "./cell.ts";
import { RequestFailure, UNREACHABLE } from "./failure.ts";

const PREFIX = "/v1/webapi";
const TIMEOUT_MS = 30_000;

/** The token of the session; empty when nobody is logged in. */
export const bearer = new Cell("");

/** Told when the server no longer knows the session. */
let onSessionEnd = () => {};

export function whenSessionEnds(listener: () => void): void {
  onSessionEnd = listener;
}

export interface RequestOptions {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal;
  /** Milliseconds to wait for the answer; 0: without end, for answers that are streams. */
  timeoutMs?: number;
  /** 401 answers the request only, and says nothing of the session. */
  loggingIn?: boolean;
}

export function csrfToken(): string {
  const prefix = `${CSRF_COOKIE}=`;
  return document.cookie.split("; ").find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length) ?? "";
}

/** The token comes with the page. A window that outlives its cookies gets a new one the same way. */
async function ensureCsrfToken(): Promise<void> {
  if (csrfToken() !== "") return;
  await fetch("/web", { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(TIMEOUT_MS) });
}

/** The headers that prove who asks. */
export function credentials(): Record<string, string> {
  return {
    [CSRF_HEADER]: csrfToken(),
    ...(bearer.value === "" ? {} : { Authorization: `Bearer ${bearer.value}` }),
  };
}

/** The address of a resource of the API. */
export function apiUrl(path: string): string {
  return `${PREFIX}${path}`;
}

/** @throws {RequestFailure} */
export async function request(path: string, options: RequestOptions = {}): Promise<Response> {
  const { method = "GET", body, signal, timeoutMs = TIMEOUT_MS, loggingIn = false } = options;
  const signals = [signal, timeoutMs > 0 ? AbortSignal.timeout(timeoutMs) : undefined];
  let answer: Response;
  try {
    if (method !== "GET") await ensureCsrfToken();
    answer = await fetch(apiUrl(path), {
      method,
      headers: { ...credentials(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any(signals.filter((one) => one !== undefined)),
    });
  } catch (error) {
    if (signal?.aborted) throw error; // the caller gave up and waits for nothing
    throw new RequestFailure(0, UNREACHABLE);
  }
  if (answer.ok) return answer;
  if (answer.status === 401 && !loggingIn) onSessionEnd();
  throw new RequestFailure(answer.status, await messageOf(answer));
}

/** The answer's JSON. The server is ours, and its answers have the shape that its types say. */
export async function requestJson<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const answer = await request(path, options);
  try {
    return await answer.json();
  } catch {
    // Cut in the middle, or something between here and there answered in its place.
    throw new RequestFailure(0, "the server's answer could not be read; try again");
  }
}

/** What a failed answer says. */
export async function messageOf(answer: Response): Promise<string> {
  try {
    const { message }: Partial<WebFailure> = await answer.json();
    if (typeof message === "string" && message !== "") return message;
  } catch {
    // It was not ours, such as a balancer's page.
  }
  return answer.status === 429
    ? "too many requests; wait a moment and try again"
    : `the server answered with status ${answer.status}`;
}
