/**
 * Password hashes: scrypt (RFC 7914) off the main thread, with its parameters stored beside it.
 * @module
 */
import { Buffer } from "node:buffer";
import { randomBytes, scrypt } from "node:crypto";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { AppError } from "../../base/errors.ts";
import type { Secret } from "../../base/secret.ts";
import { PASSWORD_LENGTH } from "../../model/limits.ts";

/** scrypt's parameters. */
export interface PasswordCost {
  /** CPU and memory cost, a power of two. */
  n: number;
  /** Block size. */
  r: number;
  /** Parallelism. */
  p: number;
}

/** OWASP's Password Storage Cheat Sheet, scrypt with 32 MiB. */
export const DEFAULT_COST: PasswordCost = { n: 2 ** 15, r: 8, p: 3 };

const KEY_BYTES = 32;
/** Hashing is the one expensive thing a stranger can ask for: this many at once, the others wait. */
const MAX_RUNNING = 2;
const MAX_WAITING = 64;

let running = 0;
const waiting: (() => void)[] = [];

async function derive(password: string, salt: Buffer, cost: PasswordCost): Promise<Buffer> {
  if (running >= MAX_RUNNING) {
    if (waiting.length >= MAX_WAITING) {
      throw new AppError("limit", "too many logins at once; try again in a moment");
    }
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  running++;
  try {
    return await new Promise((resolve, reject) => {
      const options = { N: cost.n, r: cost.r, p: cost.p, maxmem: 256 * cost.n * cost.r };
      scrypt(
        password.normalize("NFKC"),
        salt,
        KEY_BYTES,
        options,
        (error, key) => error ? reject(error) : resolve(key),
      );
    });
  } finally {
    running--;
    waiting.shift()?.();
  }
}

/** @throws {AppError} bad_input when the password is too short or too long. */
export function checkPasswordRules(password: Secret<string>): void {
  const { length } = [...password.reveal()];
  if (length < PASSWORD_LENGTH.min) {
    throw new AppError(
      "bad_input",
      `the password is too short: it needs at least ${PASSWORD_LENGTH.min} characters`,
    );
  }
  if (length > PASSWORD_LENGTH.max) {
    throw new AppError(
      "bad_input",
      `the password is too long: at most ${PASSWORD_LENGTH.max} characters are allowed`,
    );
  }
}

/** A hash as it is stored: `scrypt$n$r$p$salt$key`. */
export async function hashPassword(password: Secret<string>, cost = DEFAULT_COST): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password.reveal(), salt, cost);
  return ["scrypt", cost.n, cost.r, cost.p, salt.toString("base64"), key.toString("base64")].join("$");
}

/**
 * True when the password fits the stored hash. Without a hash (no such user) the same work is done, so that time tells
 * nothing.
 */
export async function verifyPassword(
  password: Secret<string>,
  stored: string | undefined,
  cost = DEFAULT_COST,
): Promise<boolean> {
  const [scheme, n, r, p, salt = "", key = ""] = stored?.split("$") ?? [];
  if (scheme !== "scrypt") {
    await derive(password.reveal(), randomBytes(16), cost);
    return false;
  }
  const parameters = { n: Number(n), r: Number(r), p: Number(p) };
  const derived = await derive(password.reveal(), Buffer.from(salt, "base64"), parameters);
  const expected = Buffer.from(key, "base64");
  return expected.length === derived.length && timingSafeEqual(expected, derived);
}
