import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { systemClock } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import { EXTENSION } from "../model/authority.ts";
import { issueCertificate } from "../ssh/certificate.ts";
import { generateKey } from "../ssh/private_key.ts";
import { clientAddressLine, type RelayedClient, verifyClientAddressLine } from "./client_address.ts";

const ID = "5b5cbd5a-1f55-4a62-8d5a-4a4c0d6e2f10";
const [ca, key] = [generateKey(), generateKey()];
const trust = { cluster: "main", user: [], host: [ca.publicKey] };
const certificate = issueCertificate(ca, {
  kind: "host",
  key: key.publicKey,
  keyId: ID,
  principals: [ID],
  validAfter: 0,
  validBefore: Infinity,
  extensions: { [EXTENSION.hostRole]: "proxy", [EXTENSION.cluster]: "main" },
});

const line = (client: RelayedClient) =>
  clientAddressLine(client, ID, { key, certificate }, systemClock.now()).subarray(0, -1);
const verify = (line: Buffer) => verifyClientAddressLine(line, ID, trust, systemClock);

Deno.test("a node hears from a proxy where its client is, and whether the proxy records it", () => {
  const client = { address: "192.0.2.7", port: 5 };
  assertEquals(verify(line(client)), client);
  assertEquals(verify(line({ ...client, recorded: false })), client);
  assertEquals(verify(line({ ...client, recorded: true })), { ...client, recorded: true });
});

Deno.test("nobody but the proxy says that a client is recorded", () => {
  const change = (client: RelayedClient, from: string, to: string) =>
    Buffer.from(line(client).toString().replace(from, to));
  const client = { address: "192.0.2.7", port: 5 };
  for (
    const changed of [
      change(client, '"port":5', '"port":5,"recorded":true'),
      change({ ...client, recorded: true }, '"recorded":true', '"recorded":false'),
      change(client, "192.0.2.7", "192.0.2.8"),
    ]
  ) {
    assertThrows(() => verify(changed), AppError, "not signed by a proxy");
  }
});
