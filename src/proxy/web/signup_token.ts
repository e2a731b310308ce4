/**
 * The secret of an invite, as it travels in URLs and bodies.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";
import type { AuthGateway, Invite } from "./gateway.ts";
import type { Clock } from "../../base/clock.ts";

/** Letters, digits, `-` and `_`: needs no encoding in a URL, a page or a log line, and holds hex and base64url. */
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

/** The one text for an unknown, a used, an expired and a malformed token. */
const REFUSED = "expired or incorrect signup token; ask your administrator for a new link";

/**
 * A token from a URL or a body. What cannot be a token is as unknown as any other wrong one.
 * @throws {AppError} not_found
 */
export function signupToken(text: string): Secret<string> {
  if (!TOKEN.test(text)) throw refused();
  return new Secret(text);
}

/**
 * The invite behind a token.
 * @throws {AppError} not_found, with a text that does not repeat the token.
 */
export async function openInvite(
  gateway: AuthGateway,
  token: Secret<string>,
  clock: Clock,
  clientAddress: string,
): Promise<Invite> {
  const invite = await hidingToken(gateway.invite(token, clientAddress));
  if (invite.expires <= clock.now()) throw refused();
  return invite;
}

/** Passes a result on, with the text of a `not_found` replaced: the original may quote the token. */
export async function hidingToken<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof AppError && error.code === "not_found") throw refused();
    throw error;
  }
}

function refused(): AppError {
  return new AppError("not_found", REFUSED);
}
