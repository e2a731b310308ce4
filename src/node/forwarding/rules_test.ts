import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import type { Permit, UserIdentity } from "../../model/identity.ts";
import { currentUser } from "../os/user.ts";
import { bindAddresses, checkForwarding, checkPermit, checkPort } from "./rules.ts";

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

Deno.test("whatever address a client asks for, only this machine itself can reach what is listened on", () => {
  assertEquals(bindAddresses("127.0.0.1"), ["127.0.0.1"]);
  assertEquals(bindAddresses("::1"), ["::1"]);
  for (const asked of ["", "localhost", "*", "0.0.0.0", "::", "10.0.0.5", "127.0.0.2", "evil.example.com"]) {
    assertEquals(bindAddresses(asked), ["127.0.0.1", "::1"], asked);
  }
});

Deno.test("ports below 1024 are for root", () => {
  const [root, joe] = [0, 1000].map((uid) => ({ ...currentUser(), uid }));
  if (!root || !joe) throw new Error("two users");
  for (const port of [1, 22, 80, 1023]) {
    checkPort(port, root);
    assertThrows(() => checkPort(port, joe), AppError, "for root only");
  }
  for (const port of [0, 1024, 65535]) checkPort(port, joe);
});
