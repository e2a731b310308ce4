/**
 * What the browser and the proxy say to each other besides the calls of the auth API. Names on the wire are those of
 * the manual's time where it had them.
 * @module
 */
import type { SecondFactorKind } from "./security_key.ts";

/** The readable cookie whose value every request that changes something repeats in {@linkcode CSRF_HEADER}. */
export const CSRF_COOKIE = "__Host-csrf";
export const CSRF_HEADER = "X-CSRF-Token";

/** `POST /v1/webapi/sessions`. */
export interface WebLogin {
  user: string;
  pass: string;
  second_factor_token?: string;
  /** What a security key answered, as JSON gives it. */
  u2f_sign_response?: unknown;
}

/** What a login and `POST /v1/webapi/sessions/renew` answer. The session itself is an HttpOnly cookie. */
export interface WebBearer {
  type: "bearer";
  /** Goes with every call: `Authorization: Bearer <token>`. */
  token: string;
  /** Seconds until the token ends, unless it is renewed. */
  expires_in: number;
  /** Seconds until the session ends, whatever is renewed. */
  session_expires_in: number;
  user: string;
}

/** `GET /v1/webapi/user/context`: who the user is and what the pages should offer. The server checks each call anyway. */
export interface WebUserContext {
  user: string;
  cluster: string;
  roles: string[];
  /** The logins that any role allows. */
  logins: string[];
  /** The verbs that roles allow on each kind of resource. */
  rights: Record<string, string[]>;
  second_factor: SecondFactorKind;
  /** The connector that the user logs in through; without it there is a password. */
  connector?: string;
  version: string;
}

/** What is wrong with a request, as every failed call of `/v1/webapi` answers it. */
export interface WebFailure {
  message: string;
}

/** Text frames of a terminal's WebSocket, from the browser; binary frames are what is typed. */
export type TerminalRequest =
  /** The first frame, within seconds. With a `sid` it joins that session. */
  | {
    type: "open";
    token: string;
    server_id: string;
    login: string;
    term: TerminalSize;
    sid?: string;
    mode?: PartyMode;
  }
  | ({ type: "resize" } & TerminalSize)
  /** Measures the way there and back. */
  | { type: "ping"; id: number }
  /** So many bytes of output have been drawn since the last; the server sends only so far ahead of it. */
  | { type: "drawn"; bytes: number };

/** Text frames of a terminal's WebSocket, from the proxy; binary frames are output. */
export type TerminalNotice =
  /** `site`: the cluster that lists and records the session, where that is another one. */
  | { type: "ready"; sid: string; server: string; login: string; site?: string }
  /** The size that rules: the smallest of all parties'. */
  | ({ type: "size" } & TerminalSize)
  | { type: "pong"; id: number }
  /** The session is over; a socket that closes without it was lost, and the session can be joined again. */
  | { type: "exit"; status?: number; signal?: string }
  | { type: "error"; message: string };

export interface TerminalSize {
  /** Columns. */
  w: number;
  /** Rows. */
  h: number;
}

export type PartyMode = "peer" | "observer";

/** How far output runs ahead of what the browser has drawn, in bytes. */
export const TERMINAL_WINDOW = 512 * 1024;

/**
 * The most of a file that goes up in one request, in bytes; the next part says where it begins. The server's runtime takes
 * what comes over TLS faster than a slow node does: this bounds what waits there.
 */
export const UPLOAD_PART = 16 * 1024 * 1024;
