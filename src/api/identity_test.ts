import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { addressAllowed } from "./identity.ts";

Deno.test("a source address is allowed exactly when it is in one of the networks", () => {
  const table: [string, string, boolean][] = [
    ["10.1.2.3", "10.0.0.0/8", true],
    ["11.1.2.3", "10.0.0.0/8", false],
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.2", "192.0.2.1", false],
    ["192.0.2.1", "10.0.0.0/8, 192.0.2.1/32", true],
    ["192.0.2.1", "0.0.0.0/0", true],
    ["::ffff:10.1.2.3", "10.0.0.0/8", true],
    ["::ffff:11.1.2.3", "10.0.0.0/8", false],
    ["2001:db8::1", "2001:db8::/32", true],
    ["2001:db9::1", "2001:db8::/32", false],
    ["2001:db8::1", "0.0.0.0/0", false],
    ["10.1.2.3", "::/0", false],
    ["::1", "::1", true],
  ];
  for (const [address, list, allowed] of table) {
    assertEquals(addressAllowed(address, list), allowed, `${address} ${list}`);
  }
});

Deno.test("a network that is malformed allows nobody", () => {
  const malformed = [
    "",
    ",",
    "*",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8/0",
    "10.0.0.0/0x0",
    "10.0.0.0/1e0",
    "10.0.0.0/ 0",
    "10/8",
    "::/129",
    "::/",
    "localhost",
    "!10.0.0.1",
  ];
  for (const list of malformed) {
    for (const address of ["10.0.0.1", "127.0.0.1", "::1"]) {
      assertEquals(addressAllowed(address, list), false, list);
    }
  }
});

Deno.test("an address that is none is never allowed, and no list makes the check throw", () => {
  for (const address of ["", "unknown", "10.0.0.1 ", "10.0.0", "::ffff:10.0.0.1:22"]) {
    assertEquals(addressAllowed(address, "0.0.0.0/0,::/0"), false, address);
  }
  fc.assert(fc.property(fc.string(), (list) => !addressAllowed("unknown", list)));
  fc.assert(
    fc.property(
      fc.ipV4(),
      fc.string(),
      (address, list) => typeof addressAllowed(address, list) === "boolean",
    ),
  );
});

Deno.test("every address is in its own network of every width", () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.nat(32), (address, bits) => addressAllowed(address, `${address}/${bits}`)),
  );
  fc.assert(
    fc.property(fc.ipV6(), fc.nat(128), (address, bits) => addressAllowed(address, `${address}/${bits}`)),
  );
});
