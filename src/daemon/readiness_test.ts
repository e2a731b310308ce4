import { assertEquals } from "@std/assert";
import { readinessOf } from "./readiness.ts";
import type { RoleReport } from "./report.ts";

const READY: RoleReport = {
  role: "node",
  phase: "ready",
  restarts: 0,
  lastFailure: undefined,
  ciphers: undefined,
  authLostMs: undefined,
  worker: { metrics: [], memory: { heapUsed: 0, heapTotal: 0, external: 0 } },
};

function reason(change: Partial<RoleReport>, leaving = false): string | undefined {
  const readiness = readinessOf({ roles: [{ ...READY, role: "auth" }, { ...READY, ...change }] }, leaving);
  const { status, reason } = readiness.roles.node ?? {};
  assertEquals(status, reason === undefined ? "ok" : "unavailable");
  assertEquals(readiness.status, status);
  return reason;
}

Deno.test("a daemon is ready when every role serves, and says which one does not and why", () => {
  assertEquals(reason({}), undefined);
  assertEquals(reason({ phase: "elsewhere", worker: undefined }), undefined);
  assertEquals(reason({ phase: "starting" }), "it is starting");
  assertEquals(
    reason({ phase: "waiting", lastFailure: "oops" }),
    "it is started again after a failure: oops",
  );
  assertEquals(reason({ phase: "ended" }), "it has ended");
  assertEquals(reason({ worker: undefined }), "it does not answer");
  assertEquals(reason({ authLostMs: 29_000 }), undefined);
  assertEquals(
    reason({ authLostMs: 31_000 }),
    "it has had no connection to the auth server for 31 s",
  );
  assertEquals(reason({}, true), "the daemon takes no new connections");
});
