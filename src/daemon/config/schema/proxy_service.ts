/**
 * The section `proxy_service`.
 * @module
 */
import * as v from "valibot";
import { inert, key } from "../keys.ts";
import { address, balancers, listOf, parseYesNo, reading } from "../values.ts";

const yesNo = reading(parseYesNo, "yes, no");
const path = reading((text) => text, "path");

/** For the proxy role. */
export const proxySection = v.object({
  enabled: key("Whether this daemon runs the proxy role.", v.optional(yesNo, "yes")),
  listen_addr: key("Where the proxy serves SSH.", v.optional(address(3023), "0.0.0.0:3023")),
  tunnel_listen_addr: key(
    "Where clusters that trust this one dial in; the address of `web_listen_addr` is fine, too.",
    v.optional(address(3024), "0.0.0.0:3024"),
  ),
  web_listen_addr: key("Where the proxy serves HTTPS.", v.optional(address(3080), "0.0.0.0:3080")),
  public_addr: key(
    "What users type; the first is in links, all are in the certificates.",
    v.optional(listOf(address(3080)), []),
    { shown: "host name" },
  ),
  ssh_public_addr: key(
    "The SSH address users are told, where it is not the host of `public_addr`.",
    v.optional(listOf(address(3023)), []),
    { shown: "host of `public_addr`, port of `listen_addr`" },
  ),
  https_key_file: key("The key of the web certificate, PEM.", v.optional(path), { shown: "self-signed" }),
  https_cert_file: key(
    "The web certificate with its chain, PEM; both or neither.",
    v.optional(path),
    { shown: "self-signed" },
  ),
  proxy_protocol: key("As in `auth_service`, for SSH and HTTPS.", v.optional(balancers, "off")),
  allow_unregistered_nodes: key(
    "Whether names that are no nodes of the cluster may be dialed.",
    v.optional(yesNo, "no"),
  ),
  kubernetes: key("Kubernetes access.", inert("this product is about SSH")),
});
