/**
 * The auth server's own certificate, and the administrator's identity beside it: both are signed here, and made anew
 * whenever the authorities change or the certificates get old.
 * @module
 */
import { formatHostCredentials, type HostCredentials, parseHostCredentials } from "../api/host_identity.ts";
import { type Clock, every } from "../base/clock.ts";
import { HOUR } from "../base/duration.ts";
import { isAppError, messageOf } from "../base/errors.ts";
import type { Files } from "../base/files.ts";
import { logger } from "../base/log.ts";
import type { SystemRole } from "../model/identity.ts";
import { HOST_CERTIFICATE } from "../model/limits.ts";
import type { Certificate } from "../ssh/certificate.ts";
import { generateKey } from "../ssh/private_key.ts";
import type { AuthService } from "./service.ts";

const log = logger("auth");
const LOOK_EVERY = HOUR;

export interface OwnIdentityOptions {
  auth: AuthService;
  hostId: string;
  /** The names of the auth server's certificate. */
  names: string[];
  files: Files;
  /** Where tctl on this machine finds the administrator's identity. */
  adminPath: string;
  clock: Clock;
}

export class OwnIdentity {
  readonly #options: OwnIdentityOptions;
  #credentials: HostCredentials;
  #renewal: Promise<void> = Promise.resolve();
  readonly #looking: { cancel(): void };
  /** Called with a new certificate for the server. */
  onRenewed: (credentials: HostCredentials) => void = () => {};

  private constructor(options: OwnIdentityOptions, credentials: HostCredentials) {
    this.#options = options;
    this.#credentials = credentials;
    this.#looking = every(options.clock, LOOK_EVERY, () => this.renew());
    options.auth.authorities.onChanged(() => void this.renew());
  }

  static async make(options: OwnIdentityOptions): Promise<OwnIdentity> {
    const own = new OwnIdentity(options, await issue(options, "auth"));
    await keepAdmin(options);
    return own;
  }

  get credentials(): HostCredentials {
    return this.#credentials;
  }

  /** Replaces what does not fit any more. One look at a time; a failure is told, and the next look tries again. */
  renew(): Promise<void> {
    this.#renewal = this.#renewal.then(async () => {
      try {
        if (!isCurrent(this.#options, this.#credentials.certificate)) {
          this.#credentials = await issue(this.#options, "auth");
          this.onRenewed(this.#credentials);
        }
        await keepAdmin(this.#options);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        log.error("the auth server's own certificates cannot be renewed: {error}", {
          error: messageOf(error),
        });
      }
    });
    return this.#renewal;
  }

  close(): void {
    this.#looking.cancel();
  }
}

async function issue(
  { auth, hostId, names }: OwnIdentityOptions,
  role: Extract<SystemRole, "auth" | "admin">,
): Promise<HostCredentials> {
  const key = generateKey();
  const host = { hostId, role, names: role === "auth" ? names : [hostId] };
  const certificate = await auth.issuer.forHost(host, key.publicKey.toLine());
  return {
    cluster: auth.authorities.cluster,
    hostId,
    key,
    certificate,
    authorities: auth.authorities.list(),
  };
}

/** Signed by the key that signs now, and not old. */
function isCurrent({ auth, clock }: OwnIdentityOptions, certificate: Certificate): boolean {
  const signer = auth.authorities.signer("host").publicKey;
  const remaining = certificate.validBefore * 1000 - clock.now();
  return signer.equals(certificate.authority) &&
    remaining > HOST_CERTIFICATE.ttl - HOST_CERTIFICATE.renewAfter;
}

/** tctl on this machine logs in with this file. It is made anew when it does not fit the CAs any more. */
async function keepAdmin(options: OwnIdentityOptions): Promise<void> {
  const { files, adminPath } = options;
  const text = await files.readText(adminPath);
  if (text !== undefined && fits(options, text)) return;
  await files.writePrivate(adminPath, formatHostCredentials(await issue(options, "admin")));
}

function fits(options: OwnIdentityOptions, text: string): boolean {
  try {
    const { certificate, authorities } = parseHostCredentials(text);
    return JSON.stringify(authorities) === JSON.stringify(options.auth.authorities.list()) &&
      isCurrent(options, certificate);
  } catch (error) {
    if (isAppError(error, "bad_input")) return false;
    throw error;
  }
}
