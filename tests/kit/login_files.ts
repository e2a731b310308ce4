/**
 * The login that tsh has stored for a user, for tests that speak SSH themselves.
 * @module
 */
import { Cluster } from "../../cli/tsh/cluster.ts";
import type { Login } from "../../cli/tsh/home.ts";
import { parseCertificateLine } from "../../src/ssh/certificate.ts";
import { parsePrivateKey } from "../../src/ssh/private_key.ts";
import { parsePublicKeyLine } from "../../src/ssh/public_key.ts";
import type { User } from "./user.ts";

export async function loginOf(user: User): Promise<Login> {
  const { home, sshPort, cluster, proxy } = user.options;
  const [key, certificate, knownHosts] = await Promise.all(
    [user.keyFile, `${user.keyFile}-cert.pub`, `${home}/.tsh/known_hosts`].map((path) =>
      Deno.readTextFile(path)
    ),
  );
  const lines = (knownHosts ?? "").split("\n").filter(Boolean);
  return {
    profile: {
      proxyHost: "127.0.0.1",
      webPort: Number(proxy.split(":")[1]),
      sshPort,
      user: user.name,
      cluster,
    },
    key: parsePrivateKey(key ?? ""),
    certificate: parseCertificateLine(certificate ?? ""),
    hostAuthorities: lines.filter((line) => line.startsWith(`@cert-authority *.${cluster},`)).map((line) =>
      parsePublicKeyLine(line.split(" ").slice(2).join(" ")).key
    ),
  };
}

/** A connection to the proxy with a user's stored login. */
export async function connectAs(user: User): Promise<Cluster> {
  return await Cluster.connect(await loginOf(user));
}
