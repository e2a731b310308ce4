/**
 * Receiving a recording from the host that makes it.
 *
 * The server opens with the sizes it has (two uint64), so that a host that was cut off goes on where it stopped. The
 * host sends frames: one byte kind (1 bytes, 2 log, 3 end), uint32 length, data. After `end` the server answers one
 * byte, and the host may drop its copy.
 * @module
 */
import { Buffer } from "node:buffer";
import { AppError } from "../../base/errors.ts";
import type { HostIdentity } from "../../model/identity.ts";
import { FRAME, HEADER, MAX_FRAME } from "../../session/upload_protocol.ts";
import type { ServerSessionChannel } from "../../ssh/server_session.ts";
import type { Recordings } from "./recordings.ts";

/** Serves one upload; resolves when the host is done or gone. */
export async function receiveRecording(
  channel: ServerSessionChannel,
  sid: string,
  host: HostIdentity,
  store: { recordings: Recordings },
): Promise<void> {
  const { recordings } = store;
  await recordings.claim(sid, host.hostId);
  const sizes = Buffer.alloc(16);
  sizes.writeBigUInt64BE(BigInt(await recordings.size(sid, "bytes")), 0);
  sizes.writeBigUInt64BE(BigInt(await recordings.size(sid, "log")), 8);
  channel.write(sizes);
  let buffered = Buffer.alloc(0);
  for await (const chunk of channel) {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    let at = 0;
    while (buffered.length - at >= HEADER) {
      const length = buffered.readUInt32BE(at + 1);
      if (length > MAX_FRAME) throw new AppError("bad_input", "a recording frame is too large");
      if (buffered.length - at < HEADER + length) break;
      const kind = buffered[at];
      const data = buffered.subarray(at + HEADER, at + HEADER + length);
      at += HEADER + length;
      if (kind === FRAME.bytes) await recordings.append(sid, "bytes", data);
      else if (kind === FRAME.log) await recordings.append(sid, "log", data);
      else if (kind === FRAME.end) {
        recordings.finish(sid);
        channel.write(Buffer.from([1]));
        channel.exit(0);
        channel.end();
        return;
      } else throw new AppError("bad_input", "a recording frame has an unknown kind");
    }
    buffered = buffered.subarray(at);
  }
}
