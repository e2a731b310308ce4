/**
 * Auth servers of one cluster must be configured alike. Each writes what its configuration says, of secrets a digest
 * only, and warns of every other running one that says something else, or that writes its audit log elsewhere.
 * @module
 */
import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { MINUTE } from "../base/duration.ts";
import { logger } from "../base/log.ts";
import type { LoginChoice } from "../model/sso.ts";
import type { ServerRecord } from "../model/server.ts";
import type { Backend } from "../store/backend.ts";

const log = logger("auth");

/** What of the configuration must be alike. */
export interface ComparedSettings {
  staticTokens: readonly { token: string; roles: readonly string[] }[];
  secondFactor: string;
  loginChoice?: LoginChoice;
  sessionRecording: string;
  recordingMode?: string;
  proxiesCheckHostKeys?: boolean;
  clientIdleTimeout?: number;
  disconnectExpiredCert?: boolean;
}

/** The keys of the configuration that must be alike, and what this server has there. */
export function comparable(settings: ComparedSettings): Record<string, string> {
  const tokens = settings.staticTokens.map(({ token, roles }) => `${token} ${[...roles].sort()}`).sort();
  return {
    "auth_service.tokens": createHash("sha256").update(JSON.stringify(tokens)).digest("hex"),
    "auth_service.authentication.second_factor": settings.secondFactor,
    "auth_service.authentication.type": settings.loginChoice?.type ?? "local",
    "auth_service.authentication.connector_name": settings.loginChoice?.connectorName ?? "",
    "auth_service.session_recording": settings.sessionRecording,
    "auth_service.session_recording_mode": settings.recordingMode ?? "strict",
    "auth_service.proxy_checks_host_keys": `${settings.proxiesCheckHostKeys ?? true}`,
    "auth_service.client_idle_timeout": `${settings.clientIdleTimeout ?? 0}`,
    "auth_service.disconnect_expired_cert": `${settings.disconnectExpiredCert ?? false}`,
  };
}

/** A network file system may show a new folder late. */
const LOG_GRACE_MS = 2 * MINUTE;

export interface Surroundings {
  clock: Clock;
  /** The auth servers that are there now. */
  running(): readonly Pick<ServerRecord, "id" | "name">[];
  /** Whether another one's audit log can be read here. */
  knowsLogOf(id: string): Promise<boolean>;
}

export class Likeness {
  readonly #own: Record<string, string>;
  readonly #told = new Map<string, string>();

  /** Servers whose logs are not found here, since when; Infinity after it was told. */
  readonly #logless = new Map<string, number>();

  constructor(
    readonly backend: Backend,
    readonly hostId: string,
    settings: ComparedSettings,
    readonly around: Surroundings,
  ) {
    this.#own = comparable(settings);
  }

  async publish(): Promise<void> {
    const value = JSON.stringify(this.#own);
    await this.backend.commit([{ type: "put", key: ["auth_config", this.hostId], value }]);
    await this.compare();
  }

  /** Warns once of each difference. */
  async compare(): Promise<void> {
    for (const { key: [, id = ""], value } of await this.backend.list(["auth_config"])) {
      const other = this.around.running().find((server) => server.id === id);
      if (id === this.hostId || !other) continue;
      await this.#lookForLog(other);
      const theirs: Record<string, string> = JSON.parse(value);
      const differing = Object.keys(this.#own).filter((name) => theirs[name] !== this.#own[name]);
      const text = differing.join(", ");
      if (this.#told.get(id) === text) continue;
      this.#told.set(id, text);
      if (text === "") continue;
      log.error(
        "the auth server {name} ({id}) is configured otherwise: {keys} must be the same on all of them",
        {
          name: other.name,
          id,
          keys: text,
        },
      );
    }
  }

  /** Without a shared log, each server finds only its own events. */
  async #lookForLog({ id, name }: Pick<ServerRecord, "id" | "name">): Promise<void> {
    if (await this.around.knowsLogOf(id)) return void this.#logless.delete(id);
    const now = this.around.clock.now();
    const since = this.#logless.get(id) ?? now;
    this.#logless.set(id, since);
    if (now - since < LOG_GRACE_MS) return;
    this.#logless.set(id, Infinity);
    log.error(
      "the audit log of the auth server {name} ({id}) is not in this log directory: events of one are not found at the " +
        "other; put the directory on a shared file system, or events into DynamoDB (audit_table_name)",
      { name, id },
    );
  }
}
