/**
 * The user's session in this window: found again after a reload, renewed while it is used, over when the server says so.
 * @module
 */
import type { WebBearer, WebLogin, WebUserContext } from "../model/web.ts";
import { Cell } from "./cell.ts";
import { RequestFailure } from "./failure.ts";
import { placeAfterLogin } from "./route.ts";
import { go, place } from "./router.ts";
import { bearer, request, requestJson, whenSessionEnds } from "./request.ts";

/** Who uses this window. */
export type SessionState =
  | { kind: "looking" }
  | { kind: "unreachable" }
  /** Nobody; `notice` says why, when it was not to be expected. */
  | { kind: "out"; notice?: string }
  | { kind: "in"; context: WebUserContext; endsAt: number };

export const session = new Cell<SessionState>({ kind: "looking" });

/** The bearer is renewed after this part of its life. */
const RENEW_AFTER = 0.6;
/** The longest delay that browsers' timers take. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
let renewal: ReturnType<typeof setTimeout> | undefined;

/** A session may end elsewhere; who only looks at the page is told within this time. */
const LOOK_MS = 20_000;

setInterval(() => {
  if (session.value.kind !== "in" || document.hidden) return;
  // What it says is acted upon where it arrives; whether it can be asked now does not matter.
  void request("/user/status").catch(() => {});
}, LOOK_MS);

whenSessionEnds(() => {
  if (session.value.kind === "in") leave("Your session has ended. Sign in to go on where you were.");
});

/** Takes up the session that the browser's cookie names. */
export async function resume(): Promise<void> {
  session.set({ kind: "looking" });
  try {
    await enter(await renewed());
    if (place.value.path === "/login") go(...afterLogin());
  } catch (error) {
    if (error instanceof RequestFailure && (error.status === 401 || error.status === 403)) leave();
    else session.set({ kind: "unreachable" });
  }
}

/** @throws {RequestFailure} with one text for whatever was wrong */
export async function logIn(login: WebLogin): Promise<void> {
  await enter(
    await requestJson<WebBearer>("/sessions", { method: "POST", body: login, loggingIn: true }),
  );
  go(...afterLogin());
}

function afterLogin(): Parameters<typeof go> {
  const [path = "/", search = ""] = placeAfterLogin(place.value.query.get("next")).split("?");
  return [path, { query: Object.fromEntries(new URLSearchParams(search)), replace: true }];
}

export async function logOut(): Promise<void> {
  try {
    await request("/sessions", { method: "DELETE" });
  } catch (error) {
    // A session that is over already needs no end; any other failure must be seen, for the cookie would still work.
    if (!(error instanceof RequestFailure) || error.status !== 401) throw error;
  }
  forget();
  session.set({ kind: "out" });
  go("/login", { replace: true });
}

function renewed(): Promise<WebBearer> {
  return requestJson<WebBearer>("/sessions/renew", { method: "POST", body: {}, loggingIn: true });
}

async function enter(got: WebBearer): Promise<void> {
  accept(got);
  const context = await requestJson<WebUserContext>("/user/context");
  session.set({ kind: "in", context, endsAt: Date.now() + got.session_expires_in * 1000 });
}

function accept(got: WebBearer): void {
  bearer.set(got.token);
  clearTimeout(renewal);
  const delay = Math.min(got.expires_in * 1000 * RENEW_AFTER, LONGEST_TIMER_MS);
  renewal = setTimeout(() => void renew(), Math.max(delay, 1000));
}

async function renew(): Promise<void> {
  try {
    const got = await renewed();
    accept(got);
    const { value } = session;
    if (value.kind === "in") {
      session.set({ ...value, endsAt: Date.now() + got.session_expires_in * 1000 });
    }
  } catch (error) {
    if (!(error instanceof RequestFailure)) throw error;
    if (error.status === 401) return leave("Your session has ended. Sign in to go on where you were.");
    renewal = setTimeout(() => void renew(), 10_000); // the network may come back before the bearer ends
  }
}

/** To the login page, which remembers this place. */
function leave(notice?: string): void {
  forget();
  session.set(notice === undefined ? { kind: "out" } : { kind: "out", notice });
  if (place.value.path === "/login") return;
  const { path, query } = place.value;
  const search = query.toString();
  const next: Record<string, string> = path === "/"
    ? {}
    : { next: `${path}${search === "" ? "" : `?${search}`}` };
  go("/login", { query: next, replace: true });
}

function forget(): void {
  clearTimeout(renewal);
  bearer.set("");
}

/** What roles let the user do with a kind of resource. */
export function may(context: Pick<WebUserContext, "rights">, kind: string, verb: string): boolean {
  const verbs = context.rights[kind] ?? context.rights["*"] ?? [];
  return verbs.includes(verb) || verbs.includes("*");
}
