/**
 * `tctl auth sign`: certificates for robots and for OpenSSH servers. The key is made here and never leaves.
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import { parseDuration } from "../../../src/base/duration.ts";
import { AppError } from "../../../src/base/errors.ts";
import { CERT_FORMATS } from "../../../src/model/role.ts";
import { formatCertificateLine, parseCertificateLine } from "../../../src/ssh/certificate.ts";
import { formatPrivateKey, generateKey } from "../../../src/ssh/private_key.ts";
import { parsePublicKeyLine } from "../../../src/ssh/public_key.ts";
import { formatIdentityFile, type IdentityFile } from "../../tsh/identity_file.ts";
import { examples, leaf, print } from "../../program.ts";
import { type TctlOptions, withAdmin } from "../connect.ts";

export function signCommand(options: () => TctlOptions) {
  return leaf("sign", "Makes a key and a certificate: for a user, or for a server that runs OpenSSH.")
    .option("--user <name>", "a user of the cluster; the certificate allows what the user's roles allow")
    .option("--host <names>", "names of the server, comma-separated; needs --format=openssh")
    .option(
      "-o, --out <path>",
      "where to write (default for a host: its first name; for a user: standard output)",
    )
    .addOption(
      new Option("--format <format>", "one file for tsh -i, or a key and <path>-cert.pub for OpenSSH")
        .choices(["file", "openssh"] as const).default("file" as const),
    )
    .option("--ttl <duration>", "life of the certificate (default: 12h for a user, without end for a host)")
    .addOption(
      new Option("--compat <format>", "oldssh: a user's certificate that OpenSSH 7.1 and older can read")
        .choices(CERT_FORMATS),
    )
    .addHelpText(
      "after",
      examples(
        "tctl auth sign --user=jenkins --ttl=87600h --out=jenkins.pem",
        "tctl auth sign --host=node.example.com,node --format=openssh",
      ),
    )
    .action(async ({ user, host, out, format, ttl: life, compat: certFormat }) => {
      if ((user === undefined) === (host === undefined)) {
        throw new AppError("bad_input", "--user or --host must be specified, and only one of them");
      }
      if (host !== undefined && format !== "openssh") {
        throw new AppError(
          "bad_input",
          `invalid --format flag "${format}": a host's certificate needs --format=openssh`,
        );
      }
      const ttl = life === undefined ? {} : { ttl: parseDuration(life) };
      await withAdmin(options(), async ({ api }) => {
        const key = generateKey();
        const publicKey = key.publicKey.toLine();
        const names = (host ?? "").split(",").map((name) => name.trim()).filter(Boolean);
        const answer = user === undefined
          ? await api.call("certificates.host", { names, publicKey, ...ttl })
          : await api.call("certificates.user", { user, publicKey, ...ttl, certFormat });
        const identity: IdentityFile = {
          key,
          certificate: parseCertificateLine(answer.certificate),
          cluster: answer.cluster,
          hostAuthorities: answer.hostAuthorities.map((line) => parsePublicKeyLine(line).key),
        };
        const path = out ?? names[0];
        if (path === undefined) return print(formatIdentityFile(identity));
        await write(path, format, identity);
        print(`\nThe certificate has been written to ${path}\n`);
      });
    });
}

async function write(path: string, format: "file" | "openssh", identity: IdentityFile): Promise<void> {
  const mode = { mode: 0o600 };
  if (format === "file") return await Deno.writeTextFile(path, formatIdentityFile(identity), mode);
  await Deno.writeTextFile(path, formatPrivateKey(identity.key), mode);
  await Deno.writeTextFile(`${path}-cert.pub`, `${formatCertificateLine(identity.certificate)}\n`, mode);
}
