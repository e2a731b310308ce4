/**
 * The section `ssh_service`.
 * @module
 */
import * as v from "valibot";
import { key } from "../keys.ts";
import { commandLabel, fixedLabels } from "../label_schema.ts";
import { address, balancers, listOf, parseNamespace, parseYesNo, reading } from "../values.ts";

const PAM_SERVICE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const yesNo = reading(parseYesNo, "yes, no");

/** For the node role. */
export const sshSection = v.object({
  enabled: key("Whether this daemon runs the node role.", v.optional(yesNo, "yes")),
  listen_addr: key("Where the node serves SSH.", v.optional(address(3022), "0.0.0.0:3022")),
  public_addr: key(
    "The address announced to the cluster, where `advertise_ip` is not set; only the first counts.",
    v.optional(listOf(address(3022)), []),
  ),
  proxy_protocol: key("As in `auth_service`.", v.optional(balancers, "off")),
  labels: key("Fixed labels.", v.optional(fixedLabels, {}), { form: "mapping", shown: "none" }),
  commands: key(
    "Labels whose value is a command's output.",
    v.optional(v.pipe(v.array(commandLabel), v.maxLength(64, "at most 64 commands")), []),
    { form: "list" },
  ),
  permit_user_env: key(
    "Whether sessions read `~/.tsh/environment`.",
    v.optional(yesNo, "no"),
  ),
  pam: key(
    "Pluggable authentication modules: account check and session of the operating system around what users do.",
    v.optional(
      v.object({
        enabled: key("Whether they are used.", v.optional(yesNo, "no")),
        service_name: key(
          "Their file in `/etc/pam.d`.",
          v.optional(v.pipe(v.string(), v.regex(PAM_SERVICE, "the name of a file in /etc/pam.d")), "sshd"),
        ),
      }),
      {},
    ),
  ),
  namespace: key("There is one.", v.optional(reading(parseNamespace, "default"), "default")),
});
