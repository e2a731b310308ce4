/**
 * From a login to connections: to the proxy, through it to nodes and to the auth server.
 * @module
 */
import { isIP } from "node:net";
import type { ApiClient } from "../../src/api/client.ts";
import { loginToAuth, openApi } from "../../src/api/connection.ts";
import { HOST_AUTHORITIES, openHostAuthorities } from "../../src/api/host_authorities.ts";
import { identifyHost, type Trust } from "../../src/api/identity.ts";
import { systemClock } from "../../src/base/clock.ts";
import { dialOut } from "../../src/base/dial_out.ts";
import { AppError, isAppError, messageOf } from "../../src/base/errors.ts";
import { findNodes } from "../../src/model/server.ts";
import type { ClientSession } from "../../src/ssh/channel.ts";
import { connectSsh, type SshClient } from "../../src/ssh/client.ts";
import type { ClientOptions } from "../../src/ssh/client_connection.ts";
import { loginAgent } from "../../src/ssh/agent_server.ts";
import type { PublicKey } from "../../src/ssh/public_key.ts";
import type { WireReader } from "../../src/ssh/wire.ts";
import { printableCell } from "../output.ts";
import { printError } from "../program.ts";
import { type Login, saveKnownHosts } from "./home.ts";
import { hostKeysOfSite, siteStatus } from "./site.ts";

/** A connection to the proxy with what goes through it. */
export class Cluster {
  #records: Promise<Recorder> | undefined;
  #siteKeys: Promise<readonly PublicKey[]> | undefined;

  private constructor(
    readonly login: Login,
    readonly proxy: SshClient,
    /** As whom the proxy may log in for the user. */
    readonly lentFor: Set<string>,
  ) {}

  /** @param timeoutMs milliseconds for the connection and the login to the proxy */
  static async connect(login: Login, timeoutMs?: number): Promise<Cluster> {
    const { profile, certificate, key } = login;
    const [principal] = certificate.principals;
    if (principal === undefined) {
      throw new AppError("access_denied", "the certificate allows no login at all");
    }
    const shown: PublicKey[] = [];
    const lentFor = new Set<string>();
    const connect = async () => {
      const stream = await dialOut({ host: profile.proxyHost, port: profile.sshPort }, timeoutMs)
        .catch((error: unknown) => Promise.reject(withProxy(error, profile.proxyHost)));
      return await connectSsh({
        stream,
        timeoutMs,
        username: principal,
        credential: { key, certificate },
        agent: loginAgent({ key, certificate }, lentFor),
        verifyHost: (presented) => {
          shown.push(presented.authority);
          identifyHost(presented, { trust: trust(login), now: systemClock.now(), roles: ["proxy"] });
        },
        onTold: (name, fields) => {
          if (name !== HOST_AUTHORITIES) return false;
          learn(login, fields);
          return true;
        },
      }).catch((error: unknown) => Promise.reject(withAdvice(error, profile.proxyHost)));
    };
    try {
      return new Cluster(login, await connect(), lentFor);
    } catch (error) {
      const isUnknown = shown.some((key) => !login.hostAuthorities.some((known) => known.equals(key)));
      if (!isAppError(error, "unauthenticated") || !isUnknown) throw error;
      // Whom to believe instead is nothing that the proxy could say here: a login proves both sides anew.
      const again = login.stored
        ? `log in again: tsh login --proxy=${profile.proxyHost}`
        : "have the identity file made anew: tctl auth sign";
      throw new AppError(
        "unauthenticated",
        `${error.message}; if the cluster's host CA was rotated, ${again}`,
        {
          cause: error,
        },
      );
    }
  }

  /** The cluster that this is about: the one of the login, or one behind it. */
  get name(): string {
    const { cluster, site } = this.login.profile;
    return site ?? cluster;
  }

  get #isElsewhere(): boolean {
    return this.name !== this.login.profile.cluster;
  }

  /** Whether the proxy records: then it ends the connection to the node, and needs the user's agent to go on. */
  async records(): Promise<boolean> {
    return await this.#recorder() !== undefined;
  }

  /** Whose proxies record, if any do: this cluster's, else those of the one behind it. */
  #recorder(): Promise<Recorder> {
    return this.#records ??= this.#findRecorder();
  }

  async #findRecorder(): Promise<Recorder> {
    const answer = await this.proxy.ask("recording-proxy@teleport.com", ASK_MS);
    if (answer?.toString() === "true") return "here";
    if (!this.#isElsewhere) return undefined;
    return (await siteStatus(this))?.records === true ? "there" : undefined;
  }

  /** Whom to believe about hosts of the cluster, and their recordings. */
  async trust(): Promise<Pick<Trust, "cluster" | "host">> {
    if (!this.#isElsewhere) return trust(this.login);
    return { cluster: this.name, host: await (this.#siteKeys ??= hostKeysOfSite(this, this.name)) };
  }

  /** The auth API of the cluster, end to end through the proxy. */
  async api(): Promise<{ api: ApiClient; close(): void }> {
    return await this.#apiOf(await this.trust());
  }

  /** That of the login's own cluster. */
  async homeApi(): Promise<{ api: ApiClient; close(): void }> {
    return await this.#apiOf(trust(this.login));
  }

  async #apiOf(trust: Pick<Trust, "cluster" | "host">): Promise<{ api: ApiClient; close(): void }> {
    const { certificate, key } = this.login;
    const pipe = await this.proxy.subsystem(`proxy:@${trust.cluster}`);
    const ssh = await explained(pipe, () =>
      loginToAuth(pipe.stream, {
        username: certificate.keyId,
        credential: { key, certificate },
        trust,
      }, systemClock));
    return { api: await openApi(ssh), close: () => ssh.close() };
  }

  /**
   * Logs in to a node.
   * @param host its name, `name.cluster`, uuid, or address
   * @param port 0 for the registered one
   * @param options what the node may reach through the connection
   */
  async node(host: string, port: number, username: string, options: ClientOptions = {}): Promise<SshClient> {
    const recorder = await this.#recorder();
    const name = isIP(host) && !recorder ? await this.#idOf(host, port) : host;
    if (recorder) this.lentFor.add(username);
    const site = this.#isElsewhere ? `@${this.name}` : "";
    const destination = `proxy:${host.includes(":") ? `[${host}]` : host}:${port}${site}`;
    const pipe = await this.proxy.subsystem(destination, { agent: recorder === "here" });
    const { certificate, key } = this.login;
    const believed = recorder === "here" ? trust(this.login) : await this.trust();
    // The other cluster's proxy gets the agent in the session with the host, as it would from stock ssh.
    const lends = recorder === "there"
      ? { agent: loginAgent({ key, certificate }, this.lentFor), lendsAgent: true }
      : {};
    const now = systemClock.now(); // a certificate that ends during the connection is not looked at anew
    return await explained(pipe, () =>
      connectSsh({
        ...options,
        ...lends,
        stream: pipe.stream,
        username,
        credential: { key, certificate },
        verifyHost: (presented) => {
          // A recording proxy stands in for the node, and for hosts that are none.
          const roles = [recorder ? "proxy" : "node"] as const;
          identifyHost(presented, { trust: believed, now, roles, name });
        },
      })).catch((error: unknown) => {
        if (!isAppError(error, "unauthenticated")) throw error;
        const why = /refused the login/.test(error.message) ? "" : `: ${error.message}`;
        throw new AppError("access_denied", `access denied to ${username} connecting to ${host}${why}`, {
          cause: error,
        });
      });
  }

  /** Certificates name hosts, not addresses: an address is looked up first. */
  async #idOf(address: string, port: number): Promise<string> {
    const { api, close } = await this.api();
    try {
      const nodes = findNodes(await api.call("servers.list", { role: "node" }), address)
        .filter((node) => port === 0 || node.address.endsWith(`:${port}`));
      const [node] = nodes;
      if (!node) throw new AppError("not_found", `no node of this cluster has the address ${address}`);
      if (nodes.length > 1) {
        throw new AppError("conflict", `several nodes have the address ${address}; name the port`);
      }
      return node.id;
    } finally {
      close();
    }
  }

  close(): void {
    this.proxy.close();
  }
}

/** Whose proxies stand in for hosts. */
type Recorder = "here" | "there" | undefined;

/** Servers of SSH answer also what they do not know (RFC 4254 section 4), but a busy one may take its time. */
const ASK_MS = 15_000;

/** Says that it is the proxy which cannot be reached: of an address alone, who typed a node's name knows nothing. */
function withProxy(error: unknown, proxy: string): unknown {
  if (!isAppError(error) || error.code === "bad_input") return error;
  return new AppError(error.code, `cannot reach the proxy ${proxy}: ${error.message}`, { cause: error });
}

/** The proxy takes every certificate that is good and whose owner may be here: what is left is told. */
function withAdvice(error: unknown, proxy: string): unknown {
  if (!isAppError(error, "unauthenticated") || !/refused the login/.test(error.message)) return error;
  return new AppError(
    "unauthenticated",
    `the proxy ${proxy} refused your certificate: the cluster's authorities may have been rotated, or your account was ` +
      `locked or removed; log in again: tsh login --proxy=${proxy}`,
    { cause: error },
  );
}

/** A list that none of the known authorities has signed changes nothing. */
function learn(login: Login, fields: WireReader): void {
  try {
    const { profile: { cluster }, hostAuthorities: trusted } = login;
    learnAuthorities(login, openHostAuthorities(fields, { cluster, trusted, now: systemClock.now() }));
  } catch (error) {
    if (!isAppError(error, "unauthenticated")) throw error;
  }
}

function learnAuthorities(login: Login, told: PublicKey[]): void {
  const lines = (keys: readonly PublicKey[]) => keys.map((key) => key.toLine()).sort().join("\n");
  if (lines(told) === lines(login.hostAuthorities)) return;
  login.hostAuthorities = told;
  if (!login.stored) return;
  saveKnownHosts(login).catch((error: unknown) =>
    printError(`the cluster's new host CA could not be saved: ${messageOf(error)}\n`)
  );
}

function trust(login: Login) {
  return { cluster: login.profile.cluster, host: login.hostAuthorities };
}

/** When a relayed connection fails, the proxy's own words are the better reason. */
async function explained<T>(pipe: ClientSession, run: () => Promise<T>): Promise<T> {
  let told = "";
  pipe.stderr.on("data", (chunk) => told = (told + chunk).slice(0, 1000));
  try {
    return await run();
  } catch (error) {
    const reason = printableCell(told.trim()).replace(/^teleport: /, "");
    if (reason === "" || isAppError(error, "unauthenticated")) throw error;
    throw new AppError("unavailable", reason, { cause: messageOf(error) });
  }
}
