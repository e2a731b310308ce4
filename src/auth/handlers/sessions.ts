/**
 * Sessions that run at this moment: announced by nodes, listed and ended for users.
 * @module
 */
import type { sessionCalls } from "../../api/contract/sessions.ts";
import type { CallContext, Handlers } from "../../api/serve.ts";
import { AppError } from "../../base/errors.ts";
import { describe, type HostIdentity } from "../../model/identity.ts";
import { mayDoWithSession, type SessionAction } from "../../model/live_session.ts";
import type { HostedSession } from "../live_sessions.ts";
import type { AuthService } from "../service.ts";

export function sessionHandlers(auth: AuthService): Pick<Handlers, keyof typeof sessionCalls> {
  const { liveSessions, presence, audit } = auth;
  const named = (session: HostedSession) => ({
    ...session,
    node: session.node ?? presence.list("node").find(({ id }) => id === session.server)?.name,
  });
  return {
    "sessions.announce": ({ run, sessions }, { identity }) => {
      const { hostId: server, role } = identity as HostIdentity;
      if (role !== "proxy") { for (const session of sessions) delete session.node; } // it is the node itself
      return Promise.resolve({ end: liveSessions.announce({ server, run }, sessions) });
    },
    "sessions.list": async (_, context) =>
      (await liveSessions.list()).filter((session) => may(context, "see", session)).map(named),
    "sessions.end": async ({ sid }, context) => {
      const { identity, address } = context;
      const session = (await liveSessions.list()).find((known) => known.sid === sid);
      if (!session || !may(context, "see", session)) {
        throw new AppError("not_found", `no session ${sid} is running; tsh sessions lists those that are`);
      }
      const user = describe(identity);
      const event = { event: "session.terminate" as const, sid, user, "addr.remote": address };
      if (!may(context, "end", session)) {
        throw new AppError("access_denied", `${user} may not end session ${sid}, which is ${session.user}'s`);
      }
      const ended = await liveSessions.end(session, user);
      await audit.emit({ ...event, server_id: session.server, login: session.login, success: ended });
      return { ended };
    },
  };
}

/** One's own sessions need no rule. */
function may({ identity, rights }: CallContext, action: SessionAction, session: HostedSession): boolean {
  if (identity.kind === "host") return identity.role === "admin";
  if (identity.kind !== "user") return false;
  if (session.user === identity.name) return true;
  if (action === "see" && session.parties.some(({ user }) => user === identity.name)) return true;
  return rights !== undefined && mayDoWithSession(rights, action, session);
}
