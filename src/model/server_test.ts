import { assertEquals } from "@std/assert";
import { findNodes, hostOf, portOf } from "./server.ts";

const node = (id: string, name: string, address: string, lastSeen = 0) => ({ id, name, address, lastSeen });

Deno.test("the host and port of an address are told apart, also for IPv6", () => {
  assertEquals([hostOf("luna:22"), portOf("luna:22")], ["luna", 22]);
  assertEquals([hostOf("Luna"), portOf("Luna")], ["luna", undefined]);
  assertEquals([hostOf("[2001:DB8::1]:22"), portOf("[2001:db8::1]:22")], ["2001:db8::1", 22]);
  assertEquals([hostOf("[::1]"), portOf("[::1]")], ["::1", undefined]);
  assertEquals(portOf("2001:db8::1"), undefined);
});

Deno.test("a node is meant by its id, its name in any case, its address or its host, and by nothing less", () => {
  const luna = node("id-1", "Luna", "10.0.0.1:3022");
  for (const target of ["id-1", "luna", "LUNA", "10.0.0.1", "10.0.0.1:3022"]) {
    assertEquals(findNodes([luna], target), [luna], target);
  }
  for (const target of ["", "lun", "luna2", "10.0.0", "10.0.0.1:22", "id"]) {
    assertEquals(findNodes([luna], target), []);
  }
});

Deno.test("of several nodes with one name the newest comes first", () => {
  const [old, fresh] = [node("1", "luna", "10.0.0.1:3022", 1), node("2", "luna", "10.0.0.2:3022", 2)];
  assertEquals(findNodes([old, fresh], "luna"), [fresh, old]);
});
