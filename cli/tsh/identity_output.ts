/**
 * `tsh login --out`: a login as files to carry elsewhere, in one file or in the two that OpenSSH knows.
 * @module
 */
import { formatCertificateLine } from "../../src/ssh/certificate.ts";
import { formatPrivateKey } from "../../src/ssh/private_key.ts";
import type { Login } from "./home.ts";
import { formatIdentityFile } from "./identity_file.ts";

/** @param format `file`: key, certificate and host CAs in `path`; `openssh`: the key there, and `<path>-cert.pub` */
export async function writeIdentity(login: Login, path: string, format: "file" | "openssh"): Promise<void> {
  const { key, certificate, hostAuthorities, profile } = login;
  const write = async (path: string, text: string) => {
    // Never into a file that is there: others may have it open.
    const fresh = `${path}.${Deno.pid}.new`;
    await Deno.writeTextFile(fresh, text, { mode: 0o600, createNew: true });
    await Deno.rename(fresh, path);
  };
  if (format === "file") {
    const { cluster } = profile;
    return await write(path, formatIdentityFile({ key, certificate, hostAuthorities, cluster }));
  }
  const comment = `teleport:${profile.user}`;
  await write(path, formatPrivateKey(key, comment));
  await write(`${path}-cert.pub`, `${formatCertificateLine(certificate, comment)}\n`);
}
