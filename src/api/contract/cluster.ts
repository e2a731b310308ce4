/**
 * The cluster as every member sees it.
 * @module
 */
import * as v from "valibot";
import { members } from "../access.ts";
import { authority, entry, nothing, proxyAddresses } from "./schemas.ts";

export const clusterCalls = {
  "cluster.get": entry({
    input: nothing,
    output: v.object({
      name: v.string(),
      version: v.string(),
      secondFactor: v.picklist(["otp", "off"]),
      sessionRecording: v.picklist(["node", "off"]),
    }),
    access: members,
    audited: false,
  }),

  "authorities.list": entry({
    input: nothing,
    output: v.array(authority),
    access: members,
    audited: false,
  }),

  "proxies.addresses": entry({
    input: nothing,
    output: v.array(proxyAddresses),
    access: members,
    audited: false,
  }),

  "changes.watch": entry({ input: nothing, output: nothing, access: members, audited: false }),
} as const;
