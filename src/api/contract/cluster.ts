/**
 * The cluster as every member sees it.
 * @module
 */
import * as v from "valibot";
import { RECORDED_BY, RECORDING_MODES } from "../../model/recording_policy.ts";
import { SECOND_FACTORS } from "../../model/security_key.ts";
import { SSO_KINDS } from "../../model/sso.ts";
import { members } from "../access.ts";
import { entry, nothing, proxyAddresses } from "./schemas.ts";

export const clusterCalls = {
  /** The cluster's name and settings. */
  "cluster.get": entry({
    input: nothing,
    output: v.object({
      name: v.string(),
      version: v.string(),
      secondFactor: v.picklist(SECOND_FACTORS),
      /** With security keys as the second factor. */
      securityKeys: v.optional(v.object({ appId: v.string(), facets: v.array(v.string()) })),
      /** How users log in, unless they say otherwise. */
      login: v.object({
        type: v.picklist(["local", ...SSO_KINDS]),
        connectorName: v.optional(v.string()),
      }),
      connectors: v.array(v.object({ kind: v.picklist(SSO_KINDS), name: v.string(), display: v.string() })),
      sessionRecording: v.picklist(RECORDED_BY),
      /** Absent: strict. */
      recordingMode: v.optional(v.picklist(RECORDING_MODES)),
      recordCommands: v.optional(v.boolean()),
      /** Absent: they do. */
      proxiesCheckHostKeys: v.optional(v.boolean()),
    }),
    access: members,
    audited: false,
  }),

  /** Where users reach the cluster. */
  "proxies.addresses": entry({
    input: nothing,
    output: v.array(proxyAddresses),
    access: members,
    audited: false,
  }),

  /** From now on the server tells this connection when one of these collections changed. */
  "changes.watch": entry({ input: nothing, output: nothing, access: members, audited: false }),
} as const;
