/**
 * An SSH server that shakes hands, logs in whom it is told to, and then plays no more by the rules.
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { generateKey, type PrivateKey } from "../../src/ssh/private_key.ts";
import { serverAlgorithms } from "../../src/ssh/ssh2/algorithms.ts";
import { presentHostCertificates, serverHostKeys } from "../../src/ssh/ssh2/host_certificate.ts";
import type { Ssh2Connection } from "../../src/ssh/ssh2/internals.ts";
import { Server } from "../../src/ssh/ssh2/library.ts";
import { certify } from "./ssh_keys.ts";

/**
 * Serves one connection.
 * @param login false leaves the client's request to log in without an answer
 * @returns the library's end once it was asked for the login, or has granted it; undefined when the client left before.
 * Messages of the client's channels are passed over
 */
export function rawServer(
  stream: Duplex,
  login: boolean,
  key: PrivateKey = generateKey(),
): Promise<Ssh2Connection | undefined> {
  stream.on("error", () => {}); // its client hangs up on it
  return new Promise((resolve) => {
    const server = new Server({
      hostKeys: serverHostKeys({ key, certificate: certify(key, "host", key, ["localhost"]) }),
      ident: "Teleport",
      algorithms: serverAlgorithms(),
    }, (library) => {
      presentHostCertificates(library);
      library.on("error", () => {}).once("close", () => resolve(undefined));
      library.on("authentication", (context: { accept(): void }) => {
        if (login) context.accept();
        else resolve(library);
      });
      library.once("ready", () => resolve(library));
      const { _protocol: protocol } = library;
      const dispatch = protocol._onPayload;
      protocol._onPayload = (payload: Buffer) => (payload[0] ?? 0) < 80 ? dispatch(payload) : undefined;
    });
    server.injectSocket(stream);
  });
}
