/**
 * Join tokens and CA pins in the configuration: a value, or the path of a file that holds it.
 * @module
 */
import { AppError, messageOf } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";
import { quote } from "../../base/quote.ts";
import { didYouMean } from "../../base/suggest.ts";
import { parsePin } from "./values.ts";

const ROLES = ["auth", "proxy", "node", "trusted_cluster"] as const;

/** What the bearer of a token may join as. */
export type TokenRole = typeof ROLES[number];

/** A token as the configuration writes it. */
export type TokenSource = { value: Secret<string> } | { file: string };

/** One entry of `auth_service.tokens` before its file is read. */
export interface TokenSpec {
  roles: TokenRole[];
  source: TokenSource;
  /** A role as older files write it. */
  oldSpelling?: string;
}

/** A join token that never expires. */
export interface StaticToken {
  roles: TokenRole[];
  value: Secret<string>;
}

/** Printable ASCII without blanks: what survives a command line, a file and a copy by hand. */
const TOKEN = /^[\x21-\x7e]{1,256}$/;

/**
 * Reads a token, an absolute path or a `file://` address.
 * @throws {AppError} bad_input; the text never repeats the value.
 */
export function parseTokenSource(text: string): TokenSource {
  if (text.startsWith("file://")) {
    const file = text.slice("file://".length);
    if (!file.startsWith("/")) {
      throw new AppError("bad_input", "a token's file is named by an absolute path: file:///path/to/token");
    }
    return { file };
  }
  if (text.startsWith("/")) return { file: text };
  return { value: checked(text) };
}

/**
 * Reads `role[,role...]:token`.
 * @throws {AppError} bad_input; the text never repeats the value.
 */
export function parseTokenSpec(text: string): TokenSpec {
  const colon = text.indexOf(":");
  const value = text.slice(colon + 1);
  if (colon < 0 || (value.includes(":") && !value.startsWith("file://"))) {
    throw new AppError("bad_input", 'a token is written "role[,role...]:value", with one colon');
  }
  const names = text.slice(0, colon).split(",").map((role) => role.trim());
  const oldSpelling = names.find((name) => name.toLowerCase() === "trustedcluster");
  const roles = [...new Set(names.map(parseRole))];
  return { roles, source: parseTokenSource(value), ...oldSpelling !== undefined && { oldSpelling } };
}

/**
 * The token itself, read from its file if it names one; white space around a file's content is dropped.
 * @throws {AppError} not_found when the file cannot be read, bad_input when it holds no token.
 */
export async function readToken(
  source: TokenSource,
  readTextFile: (path: string) => Promise<string>,
): Promise<Secret<string>> {
  if ("value" in source) return source.value;
  const text = await readNamedFile("token", source.file, readTextFile);
  try {
    return checked(text.trim());
  } catch (error) {
    throw new AppError("bad_input", `token file ${quote(source.file)}: ${messageOf(error)}`);
  }
}

function parseRole(role: string): TokenRole {
  const name = role.toLowerCase() === "trustedcluster" ? "trusted_cluster" : role.toLowerCase();
  const found = ROLES.find((known) => known === name);
  if (found) return found;
  const known = ROLES.join(", ");
  throw new AppError(
    "bad_input",
    `unknown role ${quote(role)}; known roles: ${known}${didYouMean(role, ROLES)}`,
  );
}

function checked(value: string): Secret<string> {
  if (TOKEN.test(value)) return new Secret(value);
  throw new AppError("bad_input", "a token is 1 to 256 printable ASCII characters without blanks");
}

/** A pin as the configuration writes it. */
export type PinSource = { pin: string } | { file: string };

/**
 * Reads a pin, or the absolute path or `file://` address of a file that holds pins.
 * @throws {AppError} bad_input
 */
export function parsePinSource(text: string): PinSource {
  const file = text.startsWith("file://") ? text.slice("file://".length) : text;
  return file.startsWith("/") ? { file } : { pin: parsePin(text) };
}

/**
 * The pins, those of files read, one a line. A file that cannot be read is an error: without its pins the host would
 * trust more than it is told to.
 * @throws {AppError} not_found or bad_input
 */
export async function readPins(
  source: PinSource,
  readTextFile: (path: string) => Promise<string>,
): Promise<string[]> {
  if ("pin" in source) return [source.pin];
  const { file } = source;
  const text = await readNamedFile("CA pin", file, readTextFile);
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  if (lines.length === 0) throw new AppError("bad_input", `the CA pin file ${quote(file)} is empty`);
  try {
    return lines.map(parsePin);
  } catch (error) {
    throw new AppError("bad_input", `CA pin file ${quote(file)}: ${messageOf(error)}`);
  }
}

async function readNamedFile(
  what: string,
  file: string,
  readTextFile: (path: string) => Promise<string>,
): Promise<string> {
  try {
    return await readTextFile(file);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : messageOf(error);
    throw new AppError("not_found", `cannot read the ${what} file ${quote(file)}: ${reason}`);
  }
}
