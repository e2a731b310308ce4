/**
 * Request bodies: bounded, of the content type the route is for, of a known shape.
 * @module
 */
import { Buffer } from "node:buffer";
import * as v from "valibot";
import { AppError } from "../../base/errors.ts";
import type { WebContext } from "./context.ts";

/** No request of the web front needs more. */
const MAX_BODY_BYTES = 64 * 1024;

/** The body is beyond what is taken. */
export class BodyTooLarge extends AppError {
  constructor(max: number = MAX_BODY_BYTES) {
    super("bad_input", `the request body is larger than ${max} bytes`);
  }
}

/**
 * Reads a JSON body of the given shape.
 *
 * The content type is demanded because a browser asks the server first before it lets a foreign page send JSON. Error
 * texts name fields and never repeat what they held: it may be a password.
 * @throws {AppError} bad_input
 */
export async function jsonBody<T extends v.GenericSchema>(
  c: WebContext,
  schema: T,
): Promise<v.InferOutput<T>> {
  demandType(c, "application/json");
  const read = v.safeParse(schema, parseJson(await boundedText(c)));
  if (read.success) return read.output;
  const field = v.getDotPath(read.issues[0]);
  const where = field === null ? "the request body" : `the field "${field}" of the request body`;
  throw new AppError("bad_input", `${where} is missing or malformed`);
}

/**
 * Reads the fields of a form sent without scripts.
 * @param max bytes
 * @throws {AppError} bad_input
 */
export async function formBody(c: WebContext, max = MAX_BODY_BYTES): Promise<URLSearchParams> {
  demandType(c, "application/x-www-form-urlencoded");
  return new URLSearchParams(await boundedText(c, max));
}

/** The body as text. Nothing is read of one that announces too much, and no more than the bound of any other. */
async function boundedText(c: WebContext, max = MAX_BODY_BYTES): Promise<string> {
  if (Number(c.req.header("content-length") ?? 0) > max) throw new BodyTooLarge(max);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of arriving(c.req.raw.body)) {
    size += chunk.length;
    if (size > max) throw new BodyTooLarge(max);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function* arriving(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  try {
    yield* body;
  } catch {
    // Whatever the stream calls it, the client went away: its mistake, and nothing for the log.
    throw new AppError("bad_input", "the request body broke off");
  }
}

function demandType(c: WebContext, wanted: string): void {
  const type = c.req.header("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== wanted) {
    throw new AppError("bad_input", `the request body must have the content type ${wanted}`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's own text quotes the body, so it is not kept as a cause either.
    if (error instanceof SyntaxError) throw new AppError("bad_input", "the request body is not valid JSON");
    throw error;
  }
}
