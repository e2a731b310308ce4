/**
 * `tsh show`: what an identity file holds, without its secret.
 * @module
 */
import { printableCell } from "../output.ts";
import { print } from "../program.ts";
import { readIdentityFile } from "./identity_file.ts";

export async function showCommand(path: string): Promise<void> {
  const { key, certificate, cluster, hostAuthorities } = await readIdentityFile(path);
  const lines: [string, string][] = [
    ["User:", certificate.keyId],
    ["Cluster:", cluster],
    ["Logins:", certificate.principals.join(", ")],
    [
      "Valid until:",
      certificate.validBefore === Infinity
        ? "forever"
        : new Date(certificate.validBefore * 1000).toISOString(),
    ],
    ["Extensions:", [...certificate.extensions.keys()].join(", ")],
    ["Public key:", key.publicKey.toLine()],
    ["Fingerprint:", key.publicKey.fingerprint],
    ["Signed by:", certificate.authority.fingerprint],
    ...hostAuthorities.map((authority): [string, string] => ["Host CA:", authority.fingerprint]),
  ];
  print(lines.map(([name, value]) => `${name.padEnd(13)}${printableCell(value)}\n`).join(""));
}
