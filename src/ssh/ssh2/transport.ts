/**
 * What every connection gets from us below its channels: packets that leave together, fresh keys, flow control.
 * @module
 */
import { counter } from "../../base/metrics.ts";
import "./identification.ts";
import { readInPlace } from "./channel_lending.ts";
import type { Ssh2Connection } from "./internals.ts";
import { installOutput } from "./packet_output.ts";
import { countIncoming, DEFAULT_REKEY, keepKeysFresh, type RekeyPolicy } from "./rekey.ts";
import { installWindow } from "./window_patch.ts";

export type { RekeyPolicy } from "./rekey.ts";

const BYTES = [
  "teleport_ssh_bytes_total",
  "Bytes of SSH connections, those to other servers included",
] as const;
const sent = counter(...BYTES, { direction: "sent" });
const received = counter(...BYTES, { direction: "received" });

/**
 * Installs it on a connection whose first key exchange has not ended.
 * @param broken called with the reason when the connection must end
 */
export function installTransport(
  library: Ssh2Connection,
  broken: (reason: string) => void,
  policy: Partial<RekeyPolicy> = {},
): void {
  const count = keepKeysFresh(library, { ...DEFAULT_REKEY, ...policy }, broken);
  installOutput(library, (bytes) => {
    sent.add(bytes);
    count(bytes);
  });
  countIncoming(library, (bytes) => {
    received.add(bytes);
    count(bytes);
  });
  installWindow(library);
  readInPlace(library);
}
