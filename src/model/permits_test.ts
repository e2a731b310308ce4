import { assertThrows } from "@std/assert";
import { AppError } from "../base/errors.ts";
import type { Permit, UserIdentity } from "./identity.ts";
import { checkForwarding, checkPermit } from "./permits.ts";

function identity(permits: Permit[], forceCommand?: string): UserIdentity {
  const common = {
    kind: "user",
    name: "joe",
    roles: [],
    logins: ["joe"],
    cluster: "main",
    expires: 0,
  } as const;
  return { ...common, permits: new Set(permits), forceCommand };
}

Deno.test("forwarding needs its permit, and a certificate with a command of its own has none", () => {
  checkForwarding(identity(["port-forwarding"]));
  for (
    const bad of [identity([]), identity(["pty", "agent-forwarding"]), identity(["port-forwarding"], "true")]
  ) {
    assertThrows(
      () => checkForwarding(bad),
      AppError,
      "port forwarding is not permitted by your certificate",
    );
  }
});

Deno.test("agent and X11 each need their own permit", () => {
  checkPermit(identity(["agent-forwarding"]), "agent-forwarding");
  checkPermit(identity(["X11-forwarding"], "xterm"), "X11-forwarding");
  const denied = [["agent-forwarding", "agent forwarding"], ["X11-forwarding", "X11 forwarding"]] as const;
  for (const [permit, text] of denied) {
    assertThrows(() => checkPermit(identity(["port-forwarding", "pty"]), permit), AppError, text);
  }
});
