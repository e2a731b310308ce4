import { assertEquals } from "@std/assert";
import { canonicalAddress, networkOf } from "./client_address.ts";

Deno.test("canonicalAddress unwraps IPv4 and drops zones", () => {
  assertEquals(canonicalAddress("10.0.0.1"), "10.0.0.1");
  assertEquals(canonicalAddress("::ffff:10.0.0.1"), "10.0.0.1");
  assertEquals(canonicalAddress("FE80::1%eth0"), "fe80::1");
  assertEquals(canonicalAddress(""), "");
});

Deno.test("networkOf counts an IPv6 /64 as one client and an IPv4 address as one", () => {
  assertEquals(networkOf("10.0.0.1"), "10.0.0.1");
  const same = ["2001:db8:1:2::5", "2001:db8:1:2:ffff:1:2:3", "2001:0db8:0001:0002::"].map(networkOf);
  assertEquals(new Set(same), new Set(["2001:db8:1:2::/64"]));
  assertEquals(networkOf("2001:db8::1"), "2001:db8:0:0::/64");
  assertEquals(networkOf("::1"), "0:0:0:0::/64");
  assertEquals(networkOf("1:2:3:4:5:6:7.8.9.10"), "1:2:3:4::/64");
  assertEquals(networkOf("1::2:3:4:5:6.7.8.9"), "1:0:2:3::/64");
});
