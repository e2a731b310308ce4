/**
 * Resources in tests: an auth service in memory, callers with rights, and documents.
 * @module
 */
import { assertRejects } from "@std/assert";
import type { CallContext } from "../../../api/serve.ts";
import { AppError } from "../../../base/errors.ts";
import { AccessChecker } from "../../../model/access.ts";
import { DEFAULT_OPTIONS, NO_CONDITIONS } from "../../../model/admin_role.ts";
import type { HostIdentity, UserIdentity } from "../../../model/identity.ts";
import type { ResourceDocument } from "../../../model/resource/envelope.ts";
import type { Role, Rule } from "../../../model/role.ts";
import { openAuth } from "../../../../tests/kit/auth_fixture.ts";
import { FakeClock } from "../../../../tests/kit/clock.ts";
import { authHandlers } from "../../handlers.ts";

const HOST: HostIdentity = {
  kind: "host",
  role: "admin",
  hostId: "00000000-0000-4000-8000-000000000001",
  cluster: "test.example.com",
};
export const ADMINISTRATOR: CallContext = { identity: HOST, address: "192.0.2.7", watch() {}, follow() {} };

/** A user with one role of these rules. */
export function userWith(...rules: Rule[]): CallContext {
  const role: Role = {
    name: "r",
    options: DEFAULT_OPTIONS,
    allow: { ...NO_CONDITIONS, rules },
    deny: NO_CONDITIONS,
  };
  const identity: UserIdentity = {
    kind: "user",
    name: "olga",
    roles: ["r"],
    logins: [],
    cluster: "test.example.com",
    permits: new Set(),
    expires: Infinity,
  };
  const rights = new AccessChecker([role], { name: "olga", traits: { groups: ["ops"] } });
  return { identity, address: "192.0.2.7", watch() {}, follow() {}, rights };
}

/** An auth service with its handlers, and the administrator's `get` and `put`. */
export async function setUp() {
  const clock = new FakeClock();
  const { auth, backend } = await openAuth({ clock });
  const handlers = authHandlers(auth);
  const put = (
    document: unknown,
    mode: "create" | "replace" | "update" = "replace",
    context = ADMINISTRATOR,
  ) => handlers["resources.put"]({ document: document as Record<string, unknown>, mode }, context);
  const get = async (kind: ResourceDocument["kind"], name: string, withSecrets = false) => {
    const [first] = await handlers["resources.get"]({ kind, name, withSecrets }, ADMINISTRATOR);
    if (!first) throw new Error(`there is no ${kind} ${name}`);
    return first;
  };
  return { auth, backend, clock, handlers, put, get, [Symbol.asyncDispose]: () => auth.close() };
}

/** `code: message` of what must be refused. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => work, AppError);
  return `${error.code}: ${error.message}`;
}

export const user = (name: string, spec: Record<string, unknown> = {}) => ({
  kind: "user",
  version: "v2",
  metadata: { name },
  spec: { roles: ["admin"], ...spec },
});
export const github = (name: string, labels?: Record<string, string>) => ({
  kind: "github",
  version: "v3",
  metadata: { name, ...(labels ? { labels } : {}) },
  spec: {
    client_id: "abc",
    client_secret: "very-secret-value",
    redirect_url: "https://gw.example.com/v1/webapi/github/callback",
    teams_to_logins: [],
  },
});
