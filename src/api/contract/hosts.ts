/**
 * Hosts: joining and announcing themselves.
 * @module
 */
import * as v from "valibot";
import { either, guests, hosts, joiners, members } from "../access.ts";
import {
  address,
  authority,
  entry,
  hostName,
  joinRole,
  labels,
  proxyAddresses,
  publicKey,
  server,
  text,
  uuid,
} from "./schemas.ts";

export const hostCalls = {
  /** A new host gets its certificates, one for each role. */
  "hosts.join": entry({
    input: v.strictObject({
      hostId: uuid,
      name: hostName,
      keys: v.pipe(
        v.array(v.strictObject({ role: joinRole, publicKey })),
        v.minLength(1),
        v.maxLength(3),
      ),
      publicNames: v.pipe(v.array(hostName), v.maxLength(32)),
    }),
    output: v.object({
      cluster: v.string(),
      certificates: v.array(v.object({ role: joinRole, certificate: v.string() })),
      authorities: v.array(authority),
    }),
    access: joiners,
    audited: true,
  }),

  /** A member gets a new certificate for its key, with the names that it joined with. */
  "hosts.renew": entry({
    input: v.strictObject({ publicKey }),
    output: v.object({ certificate: v.string(), authorities: v.array(authority) }),
    access: hosts("auth", "proxy", "node"),
    audited: true,
  }),

  /** A server says that it is alive and where. */
  "servers.announce": entry({
    input: v.strictObject({
      role: joinRole,
      name: hostName,
      address,
      labels,
      version: text(64),
      proxy: v.optional(proxyAddresses),
    }),
    output: v.object({ address: v.string() }),
    access: hosts("auth", "proxy", "node"),
    audited: false,
  }),

  "servers.list": entry({
    input: v.strictObject({ role: joinRole }),
    output: v.array(server),
    access: either(members, guests),
    audited: false,
  }),
} as const;
