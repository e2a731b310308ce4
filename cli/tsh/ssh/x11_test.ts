import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { withCookie } from "./x11.ts";

function setup(little: boolean, name: string, cookie: Uint8Array): Buffer {
  const head = Buffer.alloc(12);
  head[0] = little ? 0x6c : 0x42;
  const write = (value: number, at: number) =>
    little ? head.writeUInt16LE(value, at) : head.writeUInt16BE(value, at);
  write(11, 2);
  write(name.length, 6);
  write(cookie.length, 8);
  const pad = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.alloc((4 - bytes.length % 4) % 4)]);
  return Buffer.concat([head, pad(Buffer.from(name)), pad(cookie)]);
}

const FAKE = Buffer.alloc(16, 1), REAL = Buffer.alloc(16, 2), NAME = "MIT-MAGIC-COOKIE-1";

Deno.test("the real cookie takes the place of the made-up one, in either byte order", () => {
  for (const little of [true, false]) {
    assertEquals(withCookie(setup(little, NAME, FAKE), FAKE, REAL), setup(little, NAME, REAL));
    assertEquals(
      withCookie(setup(little, NAME, FAKE), FAKE, Buffer.alloc(0)),
      setup(little, NAME, Buffer.alloc(0)),
    );
  }
});

Deno.test("a program with another cookie, or none, is not let through", () => {
  assertEquals(withCookie(setup(true, NAME, REAL), FAKE, REAL), undefined);
  assertEquals(withCookie(setup(true, "", Buffer.alloc(0)), FAKE, REAL), undefined);
  assertEquals(withCookie(setup(true, "XDM-AUTHORIZATION-1", FAKE), FAKE, REAL), undefined);
});
