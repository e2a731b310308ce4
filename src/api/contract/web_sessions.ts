/**
 * Web sessions: a browser's login, kept by auth so that every proxy can serve it. Auth holds the certificate and the
 * sealed private key; what opens the seal is in the browser's cookie alone.
 * @module
 */
import * as v from "valibot";
import { hosts } from "../access.ts";
import { entry, factorAnswer, nothing, publicKey, secretText, text, time, userName } from "./schemas.ts";

/** Made from the cookie's secret by a one-way function: hexadecimal, 32 bytes. */
const sessionId = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "not the id of a web session"));
const named = v.strictObject({ user: userName, id: sessionId });

/** A session as proxies serve it. */
export const webSession = v.object({
  user: userName,
  /** One OpenSSH certificate line. The session ends with it. */
  certificate: v.string(),
  sealedKey: v.string(),
  created: time,
  expires: time,
});

/** What a proxy makes for a new session. */
export const webSessionKeys = { id: sessionId, publicKey, sealedKey: text(4096) };

export const webSessionCalls = {
  /** Password and code become a session, as they become a certificate in `login.password`. */
  "web_sessions.create": entry({
    input: v.strictObject({
      user: text(256),
      password: secretText,
      otp: factorAnswer,
      address: text(64),
      ...webSessionKeys,
    }),
    output: webSession,
    access: hosts("proxy"),
    audited: true,
  }),

  /** @throws not_found when there is none (any more) */
  "web_sessions.get": entry({ input: named, output: webSession, access: hosts("proxy"), audited: false }),

  /** Which of these are over. A proxy asks when the collections `web_sessions` or `users` changed. */
  "web_sessions.check": entry({
    input: v.strictObject({ sessions: v.pipe(v.array(named), v.maxLength(500)) }),
    output: v.object({ ended: v.array(v.string()) }),
    access: hosts("proxy"),
    audited: false,
  }),

  /** Signs out. */
  "web_sessions.remove": entry({
    input: v.strictObject({ user: userName, id: sessionId, address: text(64) }),
    output: nothing,
    access: hosts("proxy"),
    audited: true,
  }),
} as const;
