/**
 * Logging in to a host as the client would: with the client's certificate, whose key the client's agent holds. The agent
 * signs this one login.
 * @module
 */
import { identifyUser, type Trust } from "../../api/identity.ts";
import type { Clock } from "../../base/clock.ts";
import { AppError, isAppError, messageOf } from "../../base/errors.ts";
import { Slots } from "../../session/slots.ts";
import { agentCredential } from "../../ssh/agent_credential.ts";
import type { Agent } from "../../ssh/agent.ts";
import { type Certificate, isCertificateType, parseCertificate } from "../../ssh/certificate.ts";
import { type ConnectOptions, connectSsh, type SshClient } from "../../ssh/client.ts";
import { WireReader } from "../../ssh/wire.ts";
import type { Target } from "../route.ts";
import { hostCheck } from "./host_check.ts";

/** A host that says nothing any more is given up after three times this. */
const KEEP_ALIVE_MS = 60_000;
/**
 * OpenSSH drops logins above ten at once unless MaxStartups says otherwise, and counts each for a moment longer than we do;
 * more of them wait here for their turn.
 */
const LOGINS_AT_ONCE = 5;
/** For so long, and so many. */
const TURN_MS = 60_000, MAX_LOGINS = 512;

export interface LoginOptions {
  target: Target;
  /** Who logs in there: the OS user. */
  username: string;
  /** What the client has shown to the proxy. */
  certificate: Certificate;
  /** The client's address, which the certificate may be bound to. */
  address: string;
  agent: Agent;
  trust(): Trust;
  clock: Clock;
  checkHostKeys: boolean;
  /** What the host may reach through the connection, once a session of the client asks for it. */
  reach: Pick<ConnectOptions, "agent" | "x11">;
}

const logins = new Map<string, { slots: Slots; users: number }>();

/** @throws {AppError} with a text for the client */
export async function logIn(options: LoginOptions): Promise<SshClient> {
  const { target } = options;
  const certificate = await heldCertificate(options);
  return target.node
    ? await connect(options, certificate)
    : await inTurn(target.address, options.clock, () => connect(options, certificate));
}

/** Servers of OpenSSH are not overrun. */
async function inTurn<T>(address: string, clock: Clock, work: () => Promise<T>): Promise<T> {
  let at = logins.get(address);
  if (!at) logins.set(address, at = { slots: new Slots(LOGINS_AT_ONCE), users: 0 });
  if (at.users >= MAX_LOGINS) throw new AppError("limit", `too many logins to ${address} wait: try later`);
  at.users++;
  const waiting = Promise.withResolvers<never>();
  const text = `${address} is busy with other logins of this proxy`;
  const timer = clock.after(TURN_MS, () => waiting.reject(new AppError("timeout", text)));
  let late = false;
  const turn = at.slots.use(async () => {
    timer.cancel();
    return late ? undefined : { result: await work() };
  }).finally(() => {
    if (at && --at.users === 0) logins.delete(address);
  });
  waiting.promise.catch(() => late = true);
  const done = await Promise.race([turn, waiting.promise]);
  if (!done) throw new AppError("timeout", text);
  return done.result;
}

async function connect(options: LoginOptions, certificate: Certificate): Promise<SshClient> {
  const { target, username, agent, trust, clock, reach, checkHostKeys } = options;
  try {
    return await connectSsh({
      ...reach,
      ...hostCheck(target, { trust, now: clock.now(), strict: checkHostKeys }),
      stream: await target.open(true),
      username,
      credential: agentCredential(agent, certificate),
      keepAliveMs: KEEP_ALIVE_MS,
    });
  } catch (error) {
    if (!isAppError(error)) throw error;
    throw new AppError(error.code, `${target.host} cannot be reached: ${reasonFor(error, options)}`, {
      cause: error,
    });
  }
}

function reasonFor(error: AppError, { target, username }: LoginOptions): string {
  if (/refused the login/.test(error.message)) {
    return target.node
      ? `it refused the login as ${username}`
      : `it refused the login as ${username}; its sshd must trust the cluster's user CA (TrustedUserCAKeys)`;
  }
  if (error.code === "unauthenticated") return `ssh: handshake failed: ${error.message}`;
  if (error.code === "closed" && !target.node) {
    return `ssh: handshake failed: EOF (${error.message}; sshd's MaxStartups may be too low)`;
  }
  return error.message;
}

/** The certificate to log in with: what the client has shown, or another one of the same user that is as good. */
async function heldCertificate(options: LoginOptions): Promise<Certificate> {
  const { agent, certificate, username } = options;
  let held: Certificate[];
  try {
    held = (await agent.list()).flatMap(({ blob }) => readCertificate(blob) ?? []);
  } catch (error) {
    if (!isAppError(error)) throw error;
    throw new AppError("access_denied", `${NO_AGENT} (${messageOf(error)})`, { cause: error });
  }
  const same = held.find(({ blob }) => blob.equals(certificate.blob));
  const chosen = same ?? held.find((other) => isAsGood(other, options));
  if (chosen) return chosen;
  throw new AppError(
    "access_denied",
    `the forwarded agent holds no certificate of ${certificate.keyId} for the login ${username}: "tsh login" adds it, ` +
      '"ssh-add -L" shows it',
  );
}

/** What is told where there is no agent. */
export const NO_AGENT =
  "sessions of this cluster are recorded by its proxies, which needs SSH agent forwarding to the proxy: use " +
  'ssh -o "ForwardAgent yes" also in the ProxyCommand, or tsh';

function readCertificate(blob: Uint8Array): Certificate | undefined {
  try {
    return isCertificateType(new WireReader(blob).text()) ? parseCertificate(blob) : undefined;
  } catch (error) {
    if (isAppError(error, "bad_input")) return undefined; // of a kind that we do not know
    throw error;
  }
}

function isAsGood(
  other: Certificate,
  { certificate, username, trust, clock, address }: LoginOptions,
): boolean {
  if (other.keyId !== certificate.keyId) return false;
  try {
    const identify = (one: Certificate) =>
      identifyUser(one, { trust: trust(), now: clock.now(), address, login: username });
    return identify(other).name === identify(certificate).name; // a name of another cluster is another user
  } catch (error) {
    if (isAppError(error, "unauthenticated")) return false;
    throw error;
  }
}
