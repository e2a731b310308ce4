/**
 * The web sessions that this proxy serves: opened by a login, or found at auth by a browser's cookie, whichever proxy
 * opened them. What is known here is looked at again whenever auth says that sessions or users changed.
 * @module
 */
import type { Caller } from "../../api/client.ts";
import type { ClusterAccess } from "../../api/cluster_access.ts";
import type { Output } from "../../api/contract.ts";
import { identifyUser, type Trust } from "../../api/identity.ts";
import { type LiveAccess, unlessDropped } from "../../api/live_access.ts";
import { coalesced } from "../../base/coalesced.ts";
import { type Clock, every, type Timer } from "../../base/clock.ts";
import { MINUTE } from "../../base/duration.ts";
import { AppError, isAppError } from "../../base/errors.ts";
import { Secret } from "../../base/secret.ts";
import { parseCertificateLine } from "../../ssh/certificate.ts";
import { formatPrivateKey, generateKey, parsePrivateKey, type PrivateKey } from "../../ssh/private_key.ts";
import { NotSignedIn } from "./not_signed_in.ts";
import { newSessionCookie, openKey, sealKey, type SessionCookie, sessionKeys } from "./session_secret.ts";
import type { SessionKeys } from "./session_secret.ts";
import { WebSession } from "./web_session.ts";

export interface WebSessionsOptions {
  /** The proxy's own connection to auth. */
  api: Caller;
  trust(): Trust;
  access: ClusterAccess;
  live: LiveAccess;
  clock: Clock;
  warn(text: string): void;
  /** The most sessions served at a time; 10,000 when left out. */
  capacity?: number;
}

export interface WebLoginRequest {
  user: string;
  password: Secret<string>;
  factor: Secret<string>;
  clientAddress: string;
}

const CAPACITY = 10_000;
/** How many are asked about in one call. */
const BATCH = 500;
/** For what no notice tells of, as when auth was away. */
const LOOK_EVERY = MINUTE;

type Answer = Output<"web_sessions.get">;

export class WebSessions {
  readonly #options: WebSessionsOptions;
  /** In the order of their last use. */
  readonly #sessions = new Map<string, WebSession>();
  readonly #loading = new Map<string, Promise<WebSession>>();
  readonly #looking: Timer;
  /** How many times it was looked again. */
  #checks = 0;

  constructor(options: WebSessionsOptions) {
    this.#options = options;
    this.#looking = every(options.clock, LOOK_EVERY, () => this.#lookAgain());
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** @throws {AppError} unauthenticated with one text for every cause; limit when throttled */
  async login(request: WebLoginRequest): Promise<{ session: WebSession; cookie: SessionCookie }> {
    const { user, password, factor, clientAddress } = request;
    return await this.#open(user, clientAddress, (made) =>
      this.#options.api.call("web_sessions.create", {
        user,
        password: password.reveal(),
        otp: factor.reveal(),
        address: clientAddress,
        ...made,
      }));
  }

  /** For a login that an identity provider has proven. @throws {AppError} unauthenticated */
  async claim(
    user: string,
    claim: string,
    clientAddress: string,
  ): Promise<{ session: WebSession; cookie: SessionCookie }> {
    return await this.#open(
      user,
      clientAddress,
      (made) => this.#options.api.call("sso.claim", { user, claim, address: clientAddress, ...made }),
    );
  }

  async #open(
    user: string,
    clientAddress: string,
    create: (made: { id: string; publicKey: string; sealedKey: string }) => Promise<Answer>,
  ): Promise<{ session: WebSession; cookie: SessionCookie }> {
    const cookie = newSessionCookie(user);
    const keys = sessionKeys(cookie);
    const key = generateKey();
    const answer = await create({
      id: keys.id,
      publicKey: key.publicKey.toLine(),
      sealedKey: sealKey(keys, user, new Secret(formatPrivateKey(key))),
    });
    return { session: await this.#admit(answer, keys, key, clientAddress), cookie };
  }

  /**
   * The session of a cookie.
   * @param mayAsk throws when the client has asked for too many sessions that are not known here
   * @throws {AppError} NotSignedIn; else when auth cannot be asked
   */
  async find(cookie: SessionCookie, clientAddress: string, mayAsk: () => void): Promise<WebSession> {
    const keys = sessionKeys(cookie);
    const known = this.#sessions.get(keys.id);
    if (known) {
      this.#sessions.delete(keys.id);
      this.#sessions.set(keys.id, known);
      return this.#current(known);
    }
    let loading = this.#loading.get(keys.id);
    if (!loading) {
      mayAsk();
      loading = this.#load(cookie.user, keys, clientAddress).finally(() => this.#loading.delete(keys.id));
      this.#loading.set(keys.id, loading);
    }
    return this.#current(await loading);
  }

  #current(session: WebSession): WebSession {
    if (session.facts.expires <= this.#options.clock.now()) session.end("the session has expired");
    if (session.isOver) throw new NotSignedIn();
    return session;
  }

  async #load(user: string, keys: SessionKeys, clientAddress: string): Promise<WebSession> {
    const checks = this.#checks;
    let answer: Answer;
    try {
      answer = await this.#options.api.call("web_sessions.get", { user, id: keys.id });
    } catch (error) {
      if (isAppError(error, "not_found")) throw new NotSignedIn();
      throw error;
    }
    const key = parsePrivateKey(openKey(keys, user, answer.sealedKey).reveal());
    const session = await this.#admit(answer, keys, key, clientAddress);
    // What was looked at meanwhile did not include it: the news may have been of it.
    if (this.#checks !== checks) await this.check();
    return session;
  }

  async #admit(answer: Answer, keys: SessionKeys, key: PrivateKey, address: string): Promise<WebSession> {
    const { trust, access, live, clock } = this.#options;
    const certificate = parseCertificateLine(answer.certificate);
    if (!certificate.key.equals(key.publicKey)) {
      throw new AppError("unavailable", "the auth server sent a certificate of another key");
    }
    let identity;
    try {
      identity = identifyUser(certificate, { trust: trust(), now: clock.now(), address });
      await access.admit(identity, () => undefined);
    } catch (error) {
      // Locked, removed, of a dropped authority: whatever it is, this session opens nothing.
      if (isAppError(error, "unauthenticated") || isAppError(error, "access_denied")) throw new NotSignedIn();
      throw error;
    }
    const session = new WebSession({
      identity,
      credential: { key, certificate },
      keys,
      expires: answer.expires,
    });
    this.#keep(session);
    live.add({
      identity,
      closed: session.ended,
      check: unlessDropped(identity, trust, () => undefined),
      end: (reason) => session.end(reason),
    });
    return session;
  }

  #keep(session: WebSession): void {
    const { clock, capacity = CAPACITY } = this.#options;
    if (this.#sessions.size >= capacity) {
      const oldest = [...this.#sessions.values()].find(({ isInUse }) => !isInUse);
      if (!oldest) throw new AppError("limit", "this proxy serves too many web sessions; try again later");
      oldest.end("not used for long"); // its cookie finds it again
    }
    this.#sessions.set(session.id, session);
    const expiry = clock.after(
      Math.max(0, session.facts.expires - clock.now()),
      () => session.end("the session has expired"),
    );
    session.ended.then(() => {
      expiry.cancel();
      if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
    });
  }

  /** @throws {AppError} when auth cannot be told: then the session goes on, and its user has to know */
  async logout(session: WebSession, clientAddress: string): Promise<void> {
    const { user, id } = session;
    await this.#options.api.call("web_sessions.remove", { user, id, address: clientAddress });
    session.end("signed out");
  }

  /** Ends the sessions that auth knows no more. */
  check(): Promise<void> {
    this.#checks++;
    return this.#check();
  }

  readonly #check = coalesced(async () => {
    const sessions = [...this.#sessions.values()];
    for (let i = 0; i < sessions.length; i += BATCH) {
      const batch = sessions.slice(i, i + BATCH);
      const names = batch.map(({ user, id }) => ({ user, id }));
      const { ended } = await this.#options.api.call("web_sessions.check", { sessions: names });
      const over = new Set(ended);
      for (const session of batch) if (over.has(session.id)) session.end("the session is over");
    }
  });

  async #lookAgain(): Promise<void> {
    try {
      await this.check();
    } catch (error) {
      if (!isAppError(error)) throw error;
      this.#options.warn(`web sessions could not be checked: ${error.message}`);
    }
  }

  /** Ends what hangs on sessions here; the sessions themselves go on at another proxy, or at this one's next start. */
  stop(): void {
    this.#looking.cancel();
    for (const session of [...this.#sessions.values()]) session.end("the proxy stops");
  }
}
