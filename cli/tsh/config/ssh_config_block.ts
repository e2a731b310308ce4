/**
 * The part of an ssh_config(5) with which stock ssh, scp, sftp, rsync and git reach the nodes of a cluster, and its place
 * in a file between two marks.
 * @module
 */
import { AppError } from "../../../src/base/errors.ts";

export interface ClusterAccess {
  cluster: string;
  proxyHost: string;
  proxyPort: number;
  /** Absolute paths. */
  key: string;
  certificate: string;
  knownHosts: string;
  /** The proxy records, and needs the agent to go on to the nodes. */
  records: boolean;
  /** The clusters behind the same proxy. */
  sites: readonly SiteAccess[];
  /** Where the proxy records, it stands in for their hosts: who vouches for these then. Absolute path. */
  siteKnownHosts: string;
}

/** A cluster that is reached through another one. */
export interface SiteAccess {
  name: string;
  /** Its own proxies record: they need the agent in the session with the node. */
  records: boolean;
}

/** The block, with its marks. @throws {AppError} bad_input for names and paths that cannot be written safely */
export function configBlock(access: ClusterAccess): string {
  const { cluster, proxyHost, proxyPort, records, sites } = access;
  const clusters = [cluster, ...sites.map(({ name }) => name)].map((name) => ["cluster", name] as const);
  for (const [what, name] of [...clusters, ["proxy", proxyHost] as const]) {
    if (!/^[A-Za-z0-9._:-]+$/.test(name) || name.startsWith("-")) {
      throw new AppError(
        "bad_input",
        `the ${what}'s name ${JSON.stringify(name)} cannot stand in an ssh configuration`,
      );
    }
  }
  const paths = [access.key, access.certificate, access.knownHosts, access.siteKnownHosts].map(safePath);
  const [key, certificate, known, siteKnown] = paths;
  const files = `-i ${shellWord(key ?? "")} -o ${shellWord(`CertificateFile="${certificate}"`)} ` +
    `-o ${shellWord(`UserKnownHostsFile="${known}"`)}`;
  const { begin, end } = marks(cluster, proxyHost);
  const hosts = (name: string, destination: string, lends: boolean, knownHosts = known) => [
    `Host *.${name} !${proxyHost}`,
    `    UserKnownHostsFile "${knownHosts}"`,
    `    IdentityFile "${key}"`,
    `    CertificateFile "${certificate}"`,
    "    IdentitiesOnly yes",
    ...(lends ? ["    ForwardAgent yes"] : []),
    `    ProxyCommand ssh -F none -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes ${files} ` +
    (records ? "-o ForwardAgent=yes " : "") +
    `-p ${proxyPort} %r@${proxyHost} -s ${destination}`,
  ];
  return [
    begin,
    ...hosts(cluster, "proxy:%h:%p", false),
    ...sites.flatMap((site) =>
      hosts(site.name, `proxy:%h:%p@${site.name}`, site.records && !records, records ? siteKnown : known)
    ),
    end,
    "",
  ].join("\n");
}

/** ssh expands `%`, so it is doubled. What ends a line or a word is refused. */
function safePath(path: string): string {
  // deno-lint-ignore no-control-regex
  if (/["\\\u0000-\u001f\u007f]/.test(path)) {
    throw new AppError("bad_input", `the path ${JSON.stringify(path)} cannot stand in an ssh configuration`);
  }
  return path.replaceAll("%", "%%");
}

/** One word for the shell that runs a ProxyCommand. */
function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:=,%@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function marks(cluster: string, proxyHost: string): { begin: string; end: string } {
  const name = `tsh: cluster ${cluster} through ${proxyHost}`;
  return { begin: `# BEGIN ${name} ("tsh config --remove" takes this out)`, end: `# END ${name}` };
}

/** A configuration with the block in it: in the place of an older one, else at the end. The rest stays byte for byte. */
export function withBlock(text: string, access: ClusterAccess): string {
  const block = configBlock(access);
  const place = findBlock(text, access);
  if (place) return text.slice(0, place.start) + block + text.slice(place.end);
  const gap = text === "" ? "" : text.endsWith("\n") ? "\n" : "\n\n";
  return text + gap + block;
}

/** A configuration without the block, and without the empty line that was put before it. */
export function withoutBlock(text: string, access: Pick<ClusterAccess, "cluster" | "proxyHost">): string {
  const place = findBlock(text, access);
  if (!place) return text;
  const before = text.slice(0, place.start);
  return (before.endsWith("\n\n") ? before.slice(0, -1) : before) + text.slice(place.end);
}

function findBlock(
  text: string,
  { cluster, proxyHost }: Pick<ClusterAccess, "cluster" | "proxyHost">,
): { start: number; end: number } | undefined {
  const { begin, end } = marks(cluster, proxyHost);
  const start = text.startsWith(`${begin}\n`) ? 0 : text.indexOf(`\n${begin}\n`) + 1;
  if (start === 0 && !text.startsWith(`${begin}\n`)) return undefined;
  const stop = text.indexOf(`\n${end}`, start);
  if (stop < 0) return undefined;
  const after = stop + 1 + end.length;
  return { start, end: text[after] === "\n" ? after + 1 : after };
}
