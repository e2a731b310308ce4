import { assert, assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { lazyLibrary } from "./lazy_library.ts";

const SYMBOLS = {
  getpid: { parameters: [], result: "i32" },
  no_such_function: { parameters: [], result: "i32" },
} as const;
const options = { atOnce: [], advice: "get another one" };

Deno.test("a function is bound when it is first named, and only once", () => {
  const library = lazyLibrary("libc.so.6", SYMBOLS, options);
  assertEquals(Object.hasOwn(library, "getpid"), false);
  assertEquals(library.getpid(), Deno.pid);
  assert(Object.hasOwn(library, "getpid"));
  assertEquals(library.getpid, library.getpid);
});

Deno.test("functions that are wanted at once are there at once", () => {
  assert(Object.hasOwn(lazyLibrary("libc.so.6", SYMBOLS, { ...options, atOnce: ["getpid"] }), "getpid"));
});

Deno.test("a missing function or library says what to do, where it is first named", () => {
  const library = lazyLibrary("libc.so.6", SYMBOLS, options);
  assertThrows(() => library.no_such_function(), AppError, "get another one");
  const missing = lazyLibrary("libnothing.so.99", SYMBOLS, options);
  assertThrows(() => missing.getpid(), AppError, "cannot use getpid of libnothing.so.99");
});
