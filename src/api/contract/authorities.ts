/**
 * The certificate authorities: rotating them, and having them sign for robots and for OpenSSH servers.
 * @module
 */
import { isIPv6 } from "node:net";
import * as v from "valibot";
import { isHostName } from "../../model/name.ts";
import { ROTATION_PHASES } from "../../model/rotation.ts";
import { hosts, may, members } from "../access.ts";
import {
  authority,
  certFormat,
  durationMs,
  entry,
  hostName,
  named,
  nothing,
  publicKey,
  userName,
} from "./schemas.ts";

const kind = v.picklist(["user", "host"]);
const signed = v.object({
  certificate: v.string(),
  cluster: v.string(),
  hostAuthorities: v.array(v.string()),
});

export const authorityCalls = {
  /** The public keys of the CAs, and the state of their rotation. */
  "authorities.list": entry({ input: nothing, output: v.array(authority), access: members, audited: false }),

  /** Begins a rotation, or moves a manual one to a phase. */
  "authorities.rotate": entry({
    input: v.strictObject({
      kinds: v.pipe(v.array(kind), v.minLength(1), v.maxLength(2)),
      mode: v.picklist(["auto", "manual"]),
      graceMs: durationMs,
      phase: v.optional(v.picklist(ROTATION_PHASES)),
    }),
    output: v.array(authority),
    access: may("cert_authority", "rotate"),
    audited: true,
  }),

  /** A certificate for a user that is there, without a login. */
  "certificates.user": entry({
    input: v.strictObject({
      user: userName,
      publicKey,
      ttl: v.optional(durationMs),
      certFormat: v.optional(certFormat),
    }),
    output: signed,
    access: may("cert_authority", "create"),
    audited: true,
  }),

  /** A host certificate for a server that is not ours, like OpenSSH's. */
  "certificates.host": entry({
    input: v.strictObject({
      names: v.pipe(v.array(hostName), v.minLength(1), v.maxLength(64)),
      publicKey,
      ttl: v.optional(durationMs),
    }),
    output: signed,
    access: may("cert_authority", "create"),
    audited: true,
  }),

  /** What a recording proxy shows to clients in the place of the host that they want: its own key, with these names. */
  "certificates.target": entry({
    input: v.strictObject({
      names: v.pipe(
        v.array(named("host name or address", (name) => isHostName(name) || isIPv6(name))),
        v.minLength(1),
        v.maxLength(16),
      ),
      publicKey,
    }),
    output: v.object({ certificate: v.string() }),
    access: hosts("proxy"),
    audited: true,
  }),
} as const;
