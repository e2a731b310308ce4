/**
 * `~/.tsh`: keys, certificates and profiles. Folders are 0700, files 0600.
 *
 * - `keys/<proxy host>/<user>`, `<user>.pub`, `<user>-cert.pub`
 * - `known_hosts`: the host CAs, as OpenSSH reads them
 * - `<proxy host>.yaml`: a profile; `profile` is a link to the current one
 * @module
 */
import { AppError } from "../../src/base/errors.ts";
import { isHostName } from "../../src/model/name.ts";
import { type Certificate, formatCertificateLine, parseCertificateLine } from "../../src/ssh/certificate.ts";
import { formatPrivateKey, parsePrivateKey, type PrivateKey } from "../../src/ssh/private_key.ts";
import { type PublicKey } from "../../src/ssh/public_key.ts";
import { ownKeys, type SiteKeys, siteKeys, withLogin } from "./known_hosts.ts";

/** Which proxy, as whom. */
export interface Profile {
  proxyHost: string;
  webPort: number;
  sshPort: number;
  user: string;
  cluster: string;
  /** The cluster that commands are about, where that is another one behind the same proxy. */
  site?: string;
}

/** A login that is on disk. */
export interface Login {
  profile: Profile;
  key: PrivateKey;
  certificate: Certificate;
  /** The host CA keys of the profile's cluster. */
  hostAuthorities: PublicKey[];
  /** The host CAs of the clusters behind the proxy, as far as they are known. */
  sites?: SiteKeys;
  /** Whether it came from `~/.tsh`, where what it learns is kept. */
  stored?: boolean;
}

export function tshHome(): string {
  const home = Deno.env.get("TELEPORT_HOME") ?? (Deno.env.get("HOME") && `${Deno.env.get("HOME")}/.tsh`);
  if (!home) {
    throw new AppError("bad_input", "HOME is not set, so there is no place for keys; set TELEPORT_HOME");
  }
  return home;
}

/** Replaces a file as a whole, mode 0600. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const temporary = `${path}.${Deno.pid}.new`;
  await Deno.writeTextFile(temporary, text, { mode: 0o600 });
  await Deno.rename(temporary, path);
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

/** A name as a file name: no path can be made of it. */
function fileName(name: string): string {
  return name.replace(/[^A-Za-z0-9._@+-]/g, "_").replace(/^\.+/, "_");
}

function keyPath(profile: Pick<Profile, "proxyHost" | "user">): string {
  return `${tshHome()}/keys/${fileName(profile.proxyHost)}/${fileName(profile.user)}`;
}

/** Where the certificate of a login lies, for ssh's CertificateFile. */
export function loginFiles(
  profile: Pick<Profile, "proxyHost" | "user">,
): { key: string; certificate: string } {
  return { key: keyPath(profile), certificate: `${keyPath(profile)}-cert.pub` };
}

export async function saveLogin(login: Login): Promise<void> {
  const { profile, key, certificate } = login;
  const home = tshHome();
  const path = keyPath(profile);
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
  await Deno.chmod(home, 0o700);
  await writePrivate(path, formatPrivateKey(key, `teleport:${profile.user}`));
  await writePrivate(`${path}.pub`, `${key.publicKey.toLine(`teleport:${profile.user}`)}\n`);
  await writePrivate(
    `${path}-cert.pub`,
    `${formatCertificateLine(certificate, `teleport:${profile.user}`)}\n`,
  );
  await saveKnownHosts(login);
  await saveProfile(profile);
}

/** Writes the host CAs of a login where tsh and ssh look for them. */
export async function saveKnownHosts({ profile, hostAuthorities, sites }: Login): Promise<void> {
  const path = knownHostsPath();
  await writePrivate(path, withLogin(await readOptional(path) ?? "", profile, hostAuthorities, sites));
}

/** Who vouches for hosts of the clusters behind a proxy that records and so stands in for them. */
export function recordedHostsPath(proxyHost: string): string {
  return `${tshHome()}/recorded_hosts-${fileName(proxyHost)}`;
}

export async function saveRecordedHosts({ profile, hostAuthorities }: Login, sites: string[]): Promise<void> {
  const lines = sites.filter(isHostName).flatMap((name) =>
    hostAuthorities.map((key) => `@cert-authority *.${name} ${key.toLine()}\n`)
  );
  await writePrivate(recordedHostsPath(profile.proxyHost), lines.join(""));
}

export function knownHostsPath(): string {
  return `${tshHome()}/known_hosts`;
}

export async function saveProfile(profile: Profile): Promise<void> {
  const home = tshHome();
  const name = `${fileName(profile.proxyHost)}.yaml`;
  const text = [
    `proxy_host: ${JSON.stringify(profile.proxyHost)}`,
    `proxy_web_port: ${profile.webPort}`,
    `proxy_port: ${profile.sshPort}`,
    `user: ${JSON.stringify(profile.user)}`,
    `cluster: ${JSON.stringify(profile.cluster)}`,
    ...(profile.site === undefined ? [] : [`site: ${JSON.stringify(profile.site)}`]),
  ];
  await writePrivate(`${home}/${name}`, `${text.join("\n")}\n`);
  const link = `${home}/profile`;
  await Deno.remove(link).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.symlink(name, link);
}

/** A file that was cut short or is something else counts as none: the next login writes it anew. */
function parseProfile(text: string): Profile | undefined {
  const value = (key: string) => new RegExp(`^${key}: *"?([^"\\n]*)"?$`, "m").exec(text)?.[1] ?? "";
  const profile = {
    proxyHost: value("proxy_host"),
    webPort: Number(value("proxy_web_port")),
    sshPort: Number(value("proxy_port")),
    user: value("user"),
    cluster: value("cluster"),
    ...(value("site") === "" ? {} : { site: value("site") }),
  };
  const { proxyHost, webPort, sshPort, user, cluster } = profile;
  return proxyHost && webPort > 0 && sshPort > 0 && user && cluster ? profile : undefined;
}

/** The profile of a proxy, or the current one. */
export async function readProfile(proxyHost?: string): Promise<Profile | undefined> {
  const name = proxyHost === undefined ? "profile" : `${fileName(proxyHost)}.yaml`;
  const text = await readOptional(`${tshHome()}/${name}`);
  return text === undefined ? undefined : parseProfile(text);
}

/** Every profile, the current one first. */
export async function readProfiles(): Promise<Profile[]> {
  const current = await readProfile();
  const profiles: Profile[] = [];
  try {
    for await (const entry of Deno.readDir(tshHome())) {
      if (!entry.name.endsWith(".yaml")) continue;
      const profile = parseProfile(await Deno.readTextFile(`${tshHome()}/${entry.name}`));
      if (profile && profile.proxyHost !== current?.proxyHost) profiles.push(profile);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  profiles.sort((a, b) => a.proxyHost.localeCompare(b.proxyHost));
  return current ? [current, ...profiles] : profiles;
}

/** The stored login of a profile, expired or not; undefined when there is none. */
export async function readLogin(profile: Profile): Promise<Login | undefined> {
  const { key: keyFile, certificate: certificateFile } = loginFiles(profile);
  const [key, certificate] = await Promise.all([readOptional(keyFile), readOptional(certificateFile)]);
  if (key === undefined || certificate === undefined) return undefined;
  const known = await readOptional(knownHostsPath()) ?? "";
  return {
    profile,
    key: parsePrivateKey(key),
    certificate: parseCertificateLine(certificate),
    hostAuthorities: ownKeys(known, profile),
    sites: siteKeys(known, profile),
    stored: true,
  };
}

/** Whose keys are on disk: a profile names only the last user of its proxy, others may have logged in before. */
export async function storedLogins(): Promise<Pick<Profile, "proxyHost" | "user">[]> {
  const found: Pick<Profile, "proxyHost" | "user">[] = [];
  const keys = `${tshHome()}/keys`;
  try {
    for await (const { name: proxyHost } of Deno.readDir(keys)) {
      for await (const { name } of Deno.readDir(`${keys}/${proxyHost}`)) {
        const user = name.replace(/(?:-cert)?\.pub$/, "");
        if (!found.some((known) => known.proxyHost === proxyHost && known.user === user)) {
          found.push({ proxyHost, user });
        }
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

/** Removes a login's keys and certificates. @returns false when there were none */
export async function removeLogin(profile: Pick<Profile, "proxyHost" | "user">): Promise<boolean> {
  const path = keyPath(profile);
  let removed = false;
  for (const file of [path, `${path}.pub`, `${path}-cert.pub`]) {
    try {
      await Deno.remove(file);
      removed = true;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return removed;
}
