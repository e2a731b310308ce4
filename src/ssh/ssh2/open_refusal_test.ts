import { assertEquals } from "@std/assert";
import { AppError, type ErrorCode } from "../../base/errors.ts";
import { refusalError, refusalFor, refusalNumber } from "./open_refusal.ts";

Deno.test("reasons have the numbers of RFC 4254 section 5.1", () => {
  const numbers = (["prohibited", "connect failed", "unknown type", "shortage"] as const).map(refusalNumber);
  assertEquals(numbers, [1, 2, 3, 4]);
});

Deno.test("our own errors are told, what is unexpected is not", () => {
  const told = (code: ErrorCode) => refusalFor(new AppError(code, "because")).refusal;
  assertEquals(told("access_denied"), "prohibited");
  assertEquals(told("limit"), "shortage");
  for (const code of ["unavailable", "timeout", "not_found", "already_exists"] as const) {
    assertEquals(told(code), "connect failed", code);
  }
  assertEquals(refusalFor(new AppError("limit", "64 are allowed")).text, "64 are allowed");
  assertEquals(refusalFor(new TypeError("x is undefined at line 7")).text, "the connection failed");
});

Deno.test("a refusal keeps its kind and its text from one side to the other", () => {
  for (const code of ["access_denied", "limit", "unavailable"] as const) {
    const { refusal, text } = refusalFor(new AppError(code, "because"));
    const error = refusalError(refusalNumber(refusal), text);
    assertEquals([error.code, error.message], [code, "because"]);
  }
  assertEquals(refusalError(3, "").message, "no reason given");
  assertEquals(refusalError(3, "").code, "unsupported");
  assertEquals(refusalError(4_000_000_000, "odd").code, "unavailable");
});
