import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "./errors.ts";
import { socketAddress } from "./socket_address.ts";

const hex = (ip: string, port: number) =>
  [...socketAddress(ip, port).bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

Deno.test("addresses of both families have the kernel's layout", () => {
  assertEquals(hex("127.0.0.1", 22), "020000167f000001" + "00".repeat(8));
  assertEquals(hex("::1", 65535), "0a00ffff00000000" + "00".repeat(15) + "01" + "00000000");
  assertEquals(
    hex("2001:db8::ff00:42:8329", 1),
    "0a00000100000000" + "20010db8000000000000ff0000428329" + "00000000",
  );
  assertEquals(hex("::ffff:1.2.3.4", 1).slice(16, 48), "00000000000000000000ffff01020304");
});

Deno.test("what is no address is refused", () => {
  for (const ip of ["", "localhost", "1.2.3", "fe80::1%eth0", "::1]/", "1.2.3.4.5"]) {
    assertThrows(() => socketAddress(ip, 1), AppError, "no internet address");
  }
});
