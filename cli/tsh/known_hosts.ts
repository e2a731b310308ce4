/**
 * `~/.tsh/known_hosts`: the host CAs of the clusters that there are logins for, and of those that are reached through
 * these, as OpenSSH reads them.
 *
 * - `@cert-authority *.main,proxy.example.com KEY`: a login's own cluster, and its proxy
 * - `@cert-authority *.east KEY tsh:proxy.example.com`: another cluster, behind that proxy
 *
 * What is behind a proxy never gets the name of a cluster that another proxy has shown: a cluster vouches for its own.
 * @module
 */
import { namesOverlap } from "../../src/model/trusted_cluster.ts";
import { isHostName } from "../../src/model/name.ts";
import { parsePublicKeyLine, type PublicKey } from "../../src/ssh/public_key.ts";

/** Other clusters by name, with the keys of their host CAs. */
export type SiteKeys = ReadonlyMap<string, readonly PublicKey[]>;

interface Whose {
  cluster: string;
  proxyHost: string;
}

const MARK = "@cert-authority *.";

function ownPrefix({ cluster }: Pick<Whose, "cluster">): string {
  return `${MARK}${cluster},`;
}

function siteSuffix({ proxyHost }: Pick<Whose, "proxyHost">): string {
  return ` tsh:${proxyHost}`;
}

/** The cluster that a line is about. */
function clusterOf(line: string): string {
  return /^@cert-authority \*\.([^ ,]+)/.exec(line)?.[1] ?? "";
}

/** The file's text with these keys in the place of those that the login had. */
export function withLogin(
  text: string,
  whose: Whose,
  own: readonly PublicKey[],
  sites: SiteKeys | undefined,
): string {
  const prefix = ownPrefix(whose);
  const suffix = siteSuffix(whose);
  const others = text.split("\n").filter((line) =>
    line !== "" && !line.startsWith(prefix) && !line.startsWith(`${MARK}${whose.cluster} `) &&
    (sites === undefined || !line.endsWith(suffix))
  );
  const ownLines = own.map((key) => `${prefix}${whose.proxyHost} ${key.toLine()}`);
  const taken = [whose.cluster, ...others.map(clusterOf)];
  const siteLines = [...sites ?? []].flatMap(([name, keys]) =>
    isHostName(name) && !taken.some((known) => namesOverlap(known, name))
      ? keys.map((key) => `${MARK}${name} ${key.toLine()}${suffix}`)
      : []
  );
  return [...others, ...ownLines, ...siteLines].map((line) => `${line}\n`).join("");
}

/** The host CA of a login's own cluster. */
export function ownKeys(text: string, whose: Pick<Whose, "cluster">): PublicKey[] {
  return text.split("\n").filter((line) => line.startsWith(ownPrefix(whose))).map(keyOf);
}

/** The clusters behind a proxy. */
export function siteKeys(text: string, whose: Pick<Whose, "proxyHost">): Map<string, PublicKey[]> {
  const sites = new Map<string, PublicKey[]>();
  for (const line of text.split("\n").filter((line) => line.endsWith(siteSuffix(whose)))) {
    const name = clusterOf(line);
    sites.set(name, [...sites.get(name) ?? [], keyOf(line)]);
  }
  return sites;
}

function keyOf(line: string): PublicKey {
  return parsePublicKeyLine(line.split(" ").slice(2, 4).join(" ")).key;
}
