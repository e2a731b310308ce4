import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { addressAllowed } from "./source_address.ts";

Deno.test("a source address is allowed exactly when it is in one of the networks", () => {
  const table: [string, string, boolean][] = [
    ["10.1.2.3", "10.0.0.0/8", true],
    ["11.1.2.3", "10.0.0.0/8", false],
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.2", "192.0.2.1", false],
    ["192.0.2.1", "10.0.0.0/8,192.0.2.1/32", true],
    ["192.0.2.1", "2001:db8::/32,192.0.2.0/24,::1", true],
    ["192.0.2.1", "0.0.0.0/0", true],
    ["::ffff:10.1.2.3", "10.0.0.0/8", true],
    ["::ffff:11.1.2.3", "10.0.0.0/8", false],
    ["::ffff:a01:203", "10.0.0.0/8", true],
    ["0:0:0:0:0:ffff:10.1.2.3", "10.1.2.3", true],
    ["10.1.2.3", "::ffff:10.0.0.0/104", true],
    ["11.1.2.3", "::ffff:10.0.0.0/104", false],
    ["::ffff:10.1.2.3", "::ffff:10.1.2.3", true],
    ["::ffff:10.1.2.3", "::/0", false],
    ["2001:db8::1", "2001:db8::/32", true],
    ["2001:0DB8:0:0::1", "2001:db8::1", true],
    ["2001:db8::2", "2001:db8::1", false],
    ["2001:db8::10.1.2.3", "2001:db8::a01:203", true],
    ["fe80::1%eth0", "fe80::/10", true],
    ["febf::1", "fe80::/10", true],
    ["fec0::1", "fe80::/10", false],
    ["10.0.0.1", "10.0.0.0/31", true],
    ["10.0.0.2", "10.0.0.0/31", false],
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
    "10.0.0.1/8", // bits beyond the prefix
    "2001:db8::1/32",
    "::ffff:10.0.0.0/95",
    "fe80::1%lo",
    "10.0.0.1,",
    "127.0.0.1,::1,10.0.0.1,*", // one bad entry spoils the list
    "10.0.0.1, 127.0.0.1,::1",
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

Deno.test("every address is in its own network of every width, and not in the one beside it", () => {
  const zeros = (value: bigint, bits: number) => value >> BigInt(bits) << BigInt(bits);
  const v4 = (value: bigint) => [24n, 16n, 8n, 0n].map((shift) => value >> shift & 255n).join(".");
  const v6 = (value: bigint) =>
    [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) => (value >> shift & 0xffffn).toString(16)).join(
      ":",
    );
  for (const [bits, text] of [[32, v4], [128, v6]] as const) {
    fc.assert(
      fc.property(fc.bigInt(2n ** 63n, 2n ** 128n - 1n), fc.integer({ min: 1, max: bits }), (any, prefix) => {
        const address = BigInt.asUintN(bits, any);
        const network = zeros(address, bits - prefix);
        const beside = network ^ 1n << BigInt(bits - prefix);
        fc.pre(bits === 32 || address >> 32n !== 0xffffn && beside >> 32n !== 0xffffn);
        assertEquals(addressAllowed(text(address), `${text(network)}/${prefix}`), true);
        assertEquals(addressAllowed(text(address), `${text(beside)}/${prefix}`), false);
      }),
    );
  }
});
