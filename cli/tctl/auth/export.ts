/**
 * `tctl auth export`: the public keys of the certificate authorities, as OpenSSH takes them.
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import { hostOf } from "../../../src/model/server.ts";
import { parsePublicKeyLine } from "../../../src/ssh/public_key.ts";
import { examples, leaf, print } from "../../program.ts";
import { type TctlOptions, withAdmin } from "../connect.ts";

export function exportCommand(options: () => TctlOptions) {
  return leaf("export", "Prints the public keys of the certificate authorities, as OpenSSH takes them.")
    .addOption(new Option("--type <type>", "which CA (default: both)").choices(["user", "host"] as const))
    .option("--fingerprint <fingerprint>", "only the key with this SHA256 fingerprint")
    .addHelpText(
      "after",
      examples(
        "tctl auth export --type=host >> ~/.ssh/known_hosts",
        "tctl auth export --type=user > teleport_user_ca.pub",
      ),
    )
    .action(async ({ type, fingerprint }) => {
      await withAdmin(options(), async ({ api }) => {
        const authorities = await api.call("authorities.list", {});
        const proxies = await api.call("proxies.addresses", {});
        for (const { kind, cluster, keys } of authorities) {
          if (type !== undefined && kind !== type) continue;
          for (const line of keys) {
            const { key } = parsePublicKeyLine(line);
            if (fingerprint !== undefined && key.fingerprint !== fingerprint) continue;
            print(
              kind === "host" ? hostLine(cluster, proxies, key.toLine()) : userLine(cluster, key.toLine()),
            );
          }
        }
      });
    });
}

/** A line for known_hosts: good for every `<host>.<cluster>` and for the cluster's proxies. */
function hostLine(cluster: string, proxies: readonly { ssh: string }[], key: string): string {
  const patterns = [`*.${cluster}`, ...proxies.map(({ ssh }) => hostOf(ssh))];
  return `@cert-authority ${[...new Set(patterns)].join(",")} ${key} clustername=${cluster}&type=host\n`;
}

/** A line for authorized_keys. */
function userLine(cluster: string, key: string): string {
  return `cert-authority ${key} clustername=${cluster}&type=user\n`;
}
