/**
 * Other clusters: those that dial in, those that are dialed, and how two of them pair. The proxies do the talking; what
 * they carry is proven end to end between the auth servers, by a token or by a CA.
 * @module
 */
import * as v from "valibot";
import { hosts, members } from "../access.ts";
import { pairingAnswerSchema, pairingRequestSchema } from "../pairing_proof.ts";
import { address, clusterName, entry, nothing, publicKey, text, time, uuid } from "./schemas.ts";

const keys = v.pipe(v.array(publicKey), v.readonly());
const statement = v.pipe(text(64 * 1024), v.regex(/^[A-Za-z0-9+/]*={0,2}$/));

/** A cluster that dials in, see `model/trusted_cluster.ts`. */
const remote = v.object({
  name: clusterName,
  hostKeys: keys,
  online: v.boolean(),
  lastHeartbeat: v.optional(time),
});

export const clusterLinkCalls = {
  /** The clusters that trust this one: where its users can go. */
  "clusters.list": entry({ input: nothing, output: v.array(remote), access: members, audited: false }),

  /** All that a proxy needs for the tunnels, those that come and those that go. */
  "clusters.tunnels": entry({
    input: nothing,
    output: v.object({
      /** What this cluster states about its own authorities, base64. */
      statement,
      remote: v.array(remote),
      trusted: v.array(v.object({ cluster: clusterName, address, hostKeys: keys })),
    }),
    access: hosts("proxy"),
    audited: false,
  }),

  /** What another cluster states about its authorities, as it came through a tunnel. */
  "clusters.learn": entry({
    input: v.strictObject({ statement }),
    output: v.object({ changed: v.boolean() }),
    access: hosts("proxy"),
    audited: true,
  }),

  /** The tunnels that end at the calling proxy, all of them. */
  "clusters.report": entry({
    input: v.strictObject({
      tunnels: v.pipe(
        v.array(v.strictObject({ cluster: clusterName, lastHeartbeat: time })),
        v.maxLength(4096),
      ),
    }),
    output: nothing,
    access: hosts("proxy"),
    audited: false,
  }),

  /** A cluster that is to be paired with, for one proxy to call: auth servers dial nobody. */
  "pairing.take": entry({
    input: nothing,
    output: v.object({
      job: v.optional(v.object({ id: uuid, webAddress: address, request: pairingRequestSchema })),
    }),
    access: hosts("proxy"),
    audited: false,
  }),

  /** What came of it. */
  "pairing.finish": entry({
    input: v.strictObject({
      id: uuid,
      answer: v.optional(pairingAnswerSchema),
      error: v.optional(text(1000)),
    }),
    output: nothing,
    access: hosts("proxy"),
    audited: false,
  }),

  /** Another cluster wants to pair with this one. */
  "pairing.validate": entry({
    input: v.strictObject({ request: pairingRequestSchema, address: text(64) }),
    output: pairingAnswerSchema,
    access: hosts("proxy"),
    audited: true,
  }),
} as const;
