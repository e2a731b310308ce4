/**
 * `tctl auth export`: the public keys of the certificate authorities, as OpenSSH takes them.
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import type { Caller } from "../../../src/api/client.ts";
import { AppError } from "../../../src/base/errors.ts";
import { hostOf } from "../../../src/model/server.ts";
import { parsePrivateKey } from "../../../src/ssh/private_key.ts";
import { parsePublicKeyLine } from "../../../src/ssh/public_key.ts";
import { examples, leaf, print } from "../../program.ts";
import { type TctlOptions, withAdmin } from "../connect.ts";

export function exportCommand(options: () => TctlOptions) {
  return leaf("export", "Prints the public keys of the certificate authorities, as OpenSSH takes them.")
    .addOption(new Option("--type <type>", "which CA (default: both)").choices(["user", "host"] as const))
    .option("--fingerprint <fingerprint>", "only the key with this SHA256 fingerprint")
    .option("--keys", "the private keys instead: who has them, rules the cluster")
    .addOption(
      new Option("--compat <version>", "lines as Teleport 1.0 wrote them: for known_hosts, whichever CA")
        .choices(
          [
            "1.0",
          ] as const,
        ),
    )
    .addHelpText(
      "after",
      examples(
        "tctl auth export --type=host >> ~/.ssh/known_hosts",
        "tctl auth export --type=user > teleport_user_ca.pub",
        "(umask 077; tctl auth export --type=host --keys > host_ca)",
      ),
    )
    .action(async ({ type, fingerprint, keys: wantsPrivate, compat }) => {
      await withAdmin(options(), async ({ api }) => {
        if (wantsPrivate) return await exportPrivate(api, type, fingerprint);
        const authorities = await api.call("authorities.list", {});
        const proxies = await api.call("proxies.addresses", {});
        let found = false;
        for (const { kind, cluster, keys } of authorities) {
          if (type !== undefined && kind !== type) continue;
          for (const line of keys) {
            const { key } = parsePublicKeyLine(line);
            if (fingerprint !== undefined && key.fingerprint !== fingerprint) continue;
            found = true;
            const known = kind === "host" || compat === "1.0";
            print(known ? hostLine(kind, cluster, proxies, key.toLine()) : userLine(cluster, key.toLine()));
          }
        }
        if (found) return;
        throw noSuchKey(fingerprint);
      });
    });
}

/** The private keys as OpenSSH's files, one after the other. Looking at them is audited, as with `tctl get`. */
async function exportPrivate(api: Caller, type: string | undefined, fingerprint?: string): Promise<void> {
  const authorities = await api.call("resources.list", { kind: "cert_authority", withSecrets: true });
  const texts = authorities.filter(({ spec }) => type === undefined || spec?.type === type)
    .flatMap(({ spec }) => Array.isArray(spec?.signing_keys) ? spec.signing_keys.map(String) : [])
    .filter((text) =>
      fingerprint === undefined || parsePrivateKey(text).publicKey.fingerprint === fingerprint
    );
  if (texts.length === 0) throw noSuchKey(fingerprint);
  print(texts.join(""));
}

function noSuchKey(fingerprint: string | undefined): AppError {
  const which = fingerprint === undefined ? "a key" : `a key with the fingerprint ${fingerprint}`;
  return new AppError(
    "not_found",
    `no authority has ${which}; "tctl get cert_authority --format=text" lists them`,
  );
}

/** A line for known_hosts: good for every `<host>.<cluster>` and for the cluster's proxies. */
function hostLine(
  kind: string,
  cluster: string,
  proxies: readonly { ssh: string }[],
  key: string,
): string {
  const patterns = [`*.${cluster}`, ...proxies.map(({ ssh }) => hostOf(ssh))];
  return `@cert-authority ${[...new Set(patterns)].join(",")} ${key} clustername=${cluster}&type=${kind}\n`;
}

/** A line for authorized_keys. */
function userLine(cluster: string, key: string): string {
  return `cert-authority ${key} clustername=${cluster}&type=user\n`;
}
