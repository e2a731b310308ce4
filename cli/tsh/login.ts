/**
 * `tsh login`: password and code in, a short-lived certificate out; kept under `~/.tsh` and in a running ssh-agent.
 * @module
 */
import { Buffer } from "node:buffer";
import { systemClock } from "../../src/base/clock.ts";
import { AppError } from "../../src/base/errors.ts";
import { hostOf, portOf } from "../../src/model/server.ts";
import { isOlder, VERSION } from "../../src/model/version.ts";
import { parseCertificateLine } from "../../src/ssh/certificate.ts";
import { generateKey } from "../../src/ssh/private_key.ts";
import { parsePublicKeyLine, type PublicKey } from "../../src/ssh/public_key.ts";
import { print, printError } from "../program.ts";
import { askSecret } from "../prompt.ts";
import { loadIntoAgent } from "./agent.ts";
import { type Login, type Profile, readLogin, readProfile, saveLogin } from "./home.ts";
import { readIdentityFile } from "./identity_file.ts";
import { type TshOptions, ttlMs } from "./options.ts";
import { connectorOf } from "./connector.ts";
import { callWeb, type Ping, type SshCertificates, type WebProxy } from "./web.ts";

const DEFAULT_WEB_PORT = 3080;
const DEFAULT_SSH_PORT = 3023;

/** `host`, `host:webport`, `host:webport,sshport`, `host:,sshport`. */
export function parseProxy(text: string): { host: string; webPort: number; sshPort: number | undefined } {
  const match = /^(?:https:\/\/)?(\[[0-9A-Fa-f:.]+\]|[^:,\s/]+)(?::(\d*)(?:,(\d+))?)?\/?$/.exec(text);
  const host = match?.[1]?.replace(/^\[|\]$/g, "");
  const ports = [match?.[2] || DEFAULT_WEB_PORT, match?.[3] || DEFAULT_SSH_PORT].map(Number);
  if (!host || ports.some((port) => port < 1 || port > 65_535)) {
    throw new AppError(
      "bad_input",
      `"${text}" is not a proxy address; write host, host:webport or host:webport,sshport`,
    );
  }
  return {
    host,
    webPort: Number(match?.[2] || DEFAULT_WEB_PORT),
    sshPort: match?.[3] ? Number(match[3]) : undefined,
  };
}

/** The login to use: an identity file, a valid stored login, or a new one. */
export async function ensureLogin(options: TshOptions): Promise<Login> {
  const login = await anyLogin(options);
  const { cluster, site, ...profile } = login.profile;
  const wanted = options.cluster ?? site ?? cluster;
  return { ...login, profile: { ...profile, cluster, ...(wanted === cluster ? {} : { site: wanted }) } };
}

async function anyLogin(options: TshOptions): Promise<Login> {
  if (options.identity !== undefined) return await identityLogin(options, options.identity);
  const stored = await storedLogin(options);
  if (stored && isValid(stored)) return stored;
  return await freshLogin(options);
}

export function isValid(login: Login): boolean {
  return login.certificate.validBefore * 1000 > systemClock.now() && login.hostAuthorities.length > 0;
}

/** The stored login that fits the options. */
export async function storedLogin(options: TshOptions): Promise<Login | undefined> {
  const profile = await readProfile(options.proxy === undefined ? undefined : parseProxy(options.proxy).host);
  if (!profile || options.user !== undefined && options.user !== profile.user) return undefined;
  if (options.proxy !== undefined) {
    const { webPort, sshPort } = parseProxy(options.proxy);
    const asked = /:\d/.test(options.proxy);
    if (asked && webPort !== profile.webPort || sshPort !== undefined && sshPort !== profile.sshPort) {
      return undefined;
    }
  }
  return await readLogin(profile);
}

async function identityLogin(options: TshOptions, path: string): Promise<Login> {
  if (options.proxy === undefined) {
    throw new AppError("bad_input", "with -i also name the proxy: --proxy=host");
  }
  const { host, webPort, sshPort } = parseProxy(options.proxy);
  const { key, certificate, cluster, hostAuthorities } = await readIdentityFile(path);
  if (certificate.validBefore * 1000 <= systemClock.now()) {
    printError(
      `WARNING: the certificate has expired on ${new Date(certificate.validBefore * 1000).toISOString()}\n`,
    );
  }
  const profile = {
    proxyHost: host,
    webPort,
    sshPort: sshPort ?? DEFAULT_SSH_PORT,
    user: certificate.keyId,
    cluster,
  };
  return { profile, key, certificate, hostAuthorities };
}

/** Proves who the user is, and gets a certificate. */
async function newLogin(options: TshOptions, named?: string): Promise<Login> {
  const current = await readProfile();
  const address = options.proxy ?? (current && `${current.proxyHost}:${current.webPort},${current.sshPort}`);
  if (address === undefined) throw new AppError("bad_input", "no proxy is known yet: tsh login --proxy=host");
  const { host, webPort, sshPort } = parseProxy(address);
  const proxy: WebProxy = { host, port: webPort, insecure: options.insecure === true };
  if (proxy.insecure) {
    printError(`WARNING: You are using insecure connection to SSH proxy https://${host}:${webPort}\n`);
  }
  const ping = await callWeb<Ping>(proxy, "GET", "/webapi/ping");
  checkVersion(ping, options);
  if (
    options.user !== undefined && named !== undefined && ![ping.cluster_name, options.user].includes(named)
  ) {
    throw new AppError(
      "not_found",
      `"${named}" is no cluster that ${host} knows, and the user is ${options.user}: name one of them only`,
    );
  }
  const key = generateKey();
  const answer = await certified({ proxy, ping, options, named, current, publicKey: key.publicKey.toLine() });
  const ssh = ping.proxy.ssh.public_addr;
  const login: Login = {
    key,
    certificate: parseCertificateLine(answer.certificate),
    hostAuthorities: answer.hostAuthorities.map((line) => parsePublicKeyLine(line).key),
    profile: {
      proxyHost: host,
      webPort,
      sshPort: sshPort ?? portOf(ssh) ?? DEFAULT_SSH_PORT,
      user: answer.user,
      cluster: answer.cluster,
    },
  };
  if (!login.certificate.key.equals(key.publicKey)) {
    throw new AppError("unauthenticated", `the proxy ${hostOf(ssh)} returned a certificate for another key`);
  }
  return login;
}

/** The fields of the login that prove the second factor. */
async function secondFactor(proxy: WebProxy, user: string, ping: Ping): Promise<Record<string, unknown>> {
  const { second_factor: kind } = ping.auth;
  if (kind === "otp") return { otp_token: askSecret("Enter your OTP token: ").reveal() };
  if (kind === "off") return {};
  const { answerOfKey } = await import("./security_key.ts");
  return { u2f_sign_response: await answerOfKey(proxy, user, ping) };
}

interface CertificateWish {
  proxy: WebProxy;
  ping: Ping;
  options: TshOptions;
  named: string | undefined;
  current: Profile | undefined;
  publicKey: string;
}

/** What a login brings, whichever way it went. */
interface Certified {
  user: string;
  certificate: string;
  cluster: string;
  hostAuthorities: string[];
}

/** Goes to the identity provider, or asks for password and second factor. */
async function certified(wish: CertificateWish): Promise<Certified> {
  const { proxy, ping, options, publicKey } = wish;
  const connector = connectorOf(ping, options.auth);
  if (!connector) return await byPassword(wish);
  const { ssoLogin } = await import("./sso_login.ts");
  return await ssoLogin({
    proxy,
    connector,
    publicKey,
    ttl: ttlMs(options.ttl),
    certFormat: options.certFormat,
    browser: options.browser,
  });
}

async function byPassword(
  { proxy, ping, options, named, current, publicKey }: CertificateWish,
): Promise<Certified> {
  const { host } = proxy;
  const user = options.user ?? (named === ping.cluster_name ? undefined : named) ??
    (current?.proxyHost === host ? current.user : undefined) ?? Deno.env.get("USER") ??
    Deno.env.get("LOGNAME");
  if (!user) throw new AppError("bad_input", "name the Teleport user with --user");

  const password = askSecret(`Enter password for Teleport user ${user}: `);
  const factor = await secondFactor(proxy, user, ping);
  const ttl = ttlMs(options.ttl);
  const answer = await callWeb<SshCertificates>(proxy, "POST", "/webapi/ssh/certs", {
    user,
    password: password.reveal(),
    ...factor,
    pub_key: Buffer.from(publicKey).toString("base64"),
    ...(ttl === undefined ? {} : { ttl: ttl * 1e6 }),
    ...(options.certFormat === undefined ? {} : { compatibility: options.certFormat }),
  });
  const [signer] = answer.host_signers;
  const decoded = (base64: string) => Buffer.from(base64, "base64").toString("utf8");
  return {
    user: answer.username,
    certificate: decoded(answer.cert),
    cluster: signer?.domain_name ?? ping.cluster_name,
    hostAuthorities: answer.host_signers.flatMap(({ checking_keys: keys }) => keys.map(decoded)),
  };
}

/** As {@linkcode newLogin}, kept on disk and in the agent. */
export async function freshLogin(options: TshOptions, named?: string): Promise<Login> {
  const login = await newLogin(options, named);
  await saveLogin(login);
  await loadIntoAgent(login);
  const { learnSites } = await import("./switch_site.ts");
  await learnSites(login);
  return login;
}

function checkVersion(ping: Ping, options: TshOptions): void {
  const needed = ping.min_client_version;
  if (options.skipVersionCheck || needed === undefined || !isOlder(VERSION, needed)) return;
  throw new AppError(
    "unsupported",
    `this tsh ${VERSION} is too old for the cluster, which needs ${needed} or newer; upgrade, or try --skip-version-check`,
  );
}

/**
 * False when the cluster's authorities were rotated since this login. A proxy that cannot be asked says nothing.
 * @throws {AppError} unsupported when this client is too old for the cluster
 */
async function isAccepted(
  { profile, certificate, hostAuthorities }: Login,
  options: TshOptions,
): Promise<boolean> {
  const proxy = { host: profile.proxyHost, port: profile.webPort, insecure: options.insecure === true };
  let ping: Ping;
  try {
    ping = await callWeb<Ping>(proxy, "GET", "/webapi/ping");
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return true;
  }
  checkVersion(ping, options);
  const among = (lines: readonly string[] | undefined, keys: readonly PublicKey[]) =>
    lines?.some((line) => keys.some((key) => parsePublicKeyLine(line).key.equals(key))) ?? true;
  return among(ping.user_authorities, [certificate.authority]) &&
    among(ping.host_authorities, hostAuthorities);
}

/** The command: uses a valid login that is there, else makes one; shows the status. */
export async function loginCommand(
  named: string | undefined,
  options: TshOptions,
  { out, format = "file" }: { out?: string; format?: "file" | "openssh" },
) {
  if (options.identity !== undefined) throw new AppError("bad_input", "-i flag cannot be used here");
  if (out !== undefined) {
    const { writeIdentity } = await import("./identity_output.ts");
    await writeIdentity(await newLogin(options, named), out, format);
    return print(`\nThe certificate has been written to ${out}\n`);
  }
  const stored = await storedLogin(options);
  if (stored && named !== undefined && isValid(stored) && named !== stored.profile.user) {
    const { switchSite } = await import("./switch_site.ts");
    const switched = await switchSite(stored, named);
    if (switched) {
      const { profileText } = await import("./login_text.ts");
      return print(profileText(switched, true));
    }
  }
  const wantsNew = options.ttl !== undefined || options.auth !== undefined ||
    options.certFormat !== undefined ||
    named !== undefined && named !== stored?.profile.user && named !== stored?.profile.cluster;
  const login = stored && isValid(stored) && !wantsNew && await isAccepted(stored, options)
    ? stored
    : await freshLogin(options, named);
  if (stored === login) await loadIntoAgent(login);
  const { profileText } = await import("./login_text.ts");
  print(profileText(login, true));
}
