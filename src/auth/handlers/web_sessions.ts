/**
 * Web sessions: opened and served for browsers by proxies.
 * @module
 */
import type { webSessionCalls } from "../../api/contract/web_sessions.ts";
import type { Handlers } from "../../api/serve.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";
import { WEB_SESSION } from "../../model/limits.ts";
import { formatCertificateLine } from "../../ssh/certificate.ts";
import type { User } from "../../model/user.ts";
import type { AuthService } from "../service.ts";
import type { WebSessionRecord } from "../web_sessions.ts";

export function webSessionHandlers(auth: AuthService): Pick<Handlers, keyof typeof webSessionCalls> {
  const { webSessions, login, audit, users } = auth;
  return {
    "web_sessions.create": async ({ user: name, password, otp, address, id, publicKey, sealedKey }) => {
      const stamp = await webSessions.stamp(name);
      const user = await login.check({
        user: name,
        password: new Secret(password),
        factor: new Secret(otp),
        address,
      });
      return await openWebSession(auth, { user, stamp, address, id, publicKey, sealedKey });
    },
    "web_sessions.get": async (name) => {
      const session = await webSessions.get(name);
      if (!session) throw new AppError("not_found", "there is no such web session any more");
      return session;
    },
    "web_sessions.check": async ({ sessions }) => ({ ended: await webSessions.ended(sessions) }),
    "web_sessions.remove": async ({ user, id, address }) => {
      if (await webSessions.remove({ user, id })) {
        const method = (await users.get(user))?.connector?.kind ?? "local";
        await audit.emit({ event: "user.logout", user, method, "addr.remote": address });
      }
      return {};
    },
  };
}

/** Opens a session for somebody whose login was proven, with `stamp` from before that. @throws {AppError} */
export async function openWebSession(
  { webSessions, issuer, audit, clock }: AuthService,
  { user, stamp, address, id, publicKey, sealedKey }: {
    user: User;
    stamp: string | undefined;
    address: string;
    id: string;
    publicKey: string;
    sealedKey: string;
  },
): Promise<WebSessionRecord> {
  try {
    const certificate = await issuer.forUser(user, publicKey, { ttl: WEB_SESSION.ttl });
    const record = {
      user: user.name,
      certificate: formatCertificateLine(certificate, user.name),
      sealedKey,
      created: clock.now(),
      expires: certificate.validBefore * 1000,
    };
    await webSessions.create(id, record, stamp);
    return record;
  } catch (error) {
    if (isAppError(error)) {
      const { message } = error;
      await audit.emit({
        event: "cert.create",
        user: user.name,
        "addr.remote": address,
        success: false,
        error: message,
      });
    }
    throw error;
  }
}
