import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { currentUser } from "../os/user.ts";
import { bindAddresses, checkPort } from "./rules.ts";

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
