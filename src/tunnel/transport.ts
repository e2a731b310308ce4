/**
 * The connections that a tunnel carries: the hub opens a channel for each, and says where it is to lead.
 * @module
 */
import * as v from "valibot";
import { AppError } from "../base/errors.ts";
import { type WireReader, WireWriter } from "../ssh/wire.ts";

/** The type of the channel (RFC 4254 section 5.1). */
export const TRANSPORT_CHANNEL = "teleport-transport";

const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535));
const text = (max: number) => v.pipe(v.string(), v.maxLength(max));

const schema = v.strictObject({
  /** A host of the agent's cluster, or its auth servers. */
  to: v.variant("kind", [
    v.strictObject({ kind: v.literal("node"), host: text(256), port }),
    v.strictObject({ kind: v.literal("auth") }),
  ]),
  /** Where the client is, as the hub's cluster says. */
  client: v.strictObject({ address: text(64), port }),
});

/** What the hub asks for. */
export type TransportRequest = v.InferOutput<typeof schema>;
export type TransportTarget = TransportRequest["to"];

/** The fields of the channel's open. */
export function transportFields(request: TransportRequest): Uint8Array {
  return new WireWriter().string(JSON.stringify(request)).bytes();
}

/** @throws {AppError} bad_input */
export function readTransport(fields: WireReader): TransportRequest {
  try {
    const request = v.parse(schema, JSON.parse(fields.text()));
    fields.end();
    return request;
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof v.ValiError)) throw error;
    throw new AppError("bad_input", "the tunnel's request cannot be read", { cause: error });
  }
}
