/**
 * The auth service: everything it is made of, put together. It does not listen; `ssh_front.ts` does.
 * @module
 */
import { signerOf, type Trust } from "../api/identity.ts";
import { type Clock, every } from "../base/clock.ts";
import { SECOND } from "../base/duration.ts";
import { AppError, messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { Identity } from "../model/identity.ts";
import type { RecordedBy, RecordingMode } from "../model/recording_policy.ts";
import type { SecondFactorKind, SecurityKeyPlace } from "../model/security_key.ts";
import type { LoginChoice } from "../model/sso.ts";
import type { TokenRole } from "../model/token.ts";
import type { Backend } from "../store/backend.ts";
import { AuditLog } from "./audit/log.ts";
import type { LogFiles } from "./audit/log_files.ts";
import type { RemoteAudit } from "./audit/remote_audit.ts";
import { type RecordingFiles, Recordings } from "./audit/recordings.ts";
import { RecordingReceiver } from "./audit/receive.ts";
import { Authorities, isTrusted } from "./ca/authorities.ts";
import { Issuer } from "./ca/issue.ts";
import { Rotator } from "./ca/rotator.ts";
import { Changes } from "./changes.ts";
import { Pairing } from "./clusters/pairing.ts";
import { RemoteClusters } from "./clusters/remote_clusters.ts";
import { TrustedClusters } from "./clusters/trusted_clusters.ts";
import { earliest, ExpiryWatch } from "./expiry.ts";
import { Hosts } from "./join/hosts.ts";
import { type JoinToken, JoinTokens } from "./join/tokens.ts";
import { Account } from "./login/account.ts";
import { Lockout } from "./login/lockout.ts";
import { secondFactor } from "./login/factors.ts";
import { PasswordLogin } from "./login/login.ts";
import type { PasswordCost } from "./login/password.ts";
import { Signup } from "./login/signup.ts";
import { Connectors } from "./login/sso/connectors.ts";
import { ExternalUsers } from "./login/sso/external_users.ts";
import type { CallOut } from "./login/sso/provider_client.ts";
import { SsoRequests } from "./login/sso/requests.ts";
import { SingleSignOn } from "./login/sso/sso.ts";
import { Likeness } from "./likeness.ts";
import { LiveSessionDirectory } from "./live_sessions.ts";
import { migrate } from "./migrations.ts";
import { Presence } from "./presence.ts";
import { StoredDocuments } from "./resources/documents.ts";
import { Resources } from "./resources/resources.ts";
import { Rights } from "./rights.ts";
import { Roles } from "./roles.ts";
import { SharedSessions } from "./shared_sessions.ts";
import { Snapshots } from "./snapshots.ts";
import { followStore } from "./store_feed.ts";
import { Users } from "./users.ts";
import { WebSessions } from "./web_sessions.ts";

export interface AuthSettings {
  /** From the configuration; a uuid is made when there is none. */
  clusterName?: string;
  secondFactor: SecondFactorKind;
  /** Where security keys are used; needed with the second factor "u2f". */
  securityKeys?: SecurityKeyPlace | undefined;
  /** How users log in, unless they say otherwise; with passwords, when it is left out. */
  loginChoice?: LoginChoice;
  sessionRecording: RecordedBy;
  /** Strict when left out. */
  recordingMode?: RecordingMode;
  recordCommands?: boolean;
  /** They do when left out. */
  proxiesCheckHostKeys?: boolean;
  /** For all sessions, beside what the roles say: milliseconds; 0 or absent is never. */
  clientIdleTimeout?: number;
  disconnectExpiredCert?: boolean;
  staticTokens: { token: string; roles: TokenRole[] }[];
  /** A token for the roles that run beside this auth server, bound to its host id. */
  localToken?: { token: string; hostId: string };
  /** This host's id; needed where other auth servers use the same store. */
  hostId?: string;
  logDirectory: string;
  recordingsDirectory: string;
  /** Tests make it cheaper. */
  passwordCost?: PasswordCost;
}

const log = logger("auth");
const SWEEP_MS = 10 * SECOND;

export class AuthService {
  readonly users: Users;
  readonly roles: Roles;
  readonly rights: Rights;
  readonly snapshots: Snapshots;
  readonly lockout: Lockout;
  readonly signup: Signup;
  readonly login: PasswordLogin;
  readonly webSessions: WebSessions;
  readonly account: Account;
  readonly tokens: JoinTokens;
  readonly hosts: Hosts;
  readonly issuer: Issuer;
  readonly presence: Presence;
  readonly liveSessions: SharedSessions;
  readonly changes: Changes;
  readonly rotator: Rotator;
  readonly receiver: RecordingReceiver;
  readonly remoteClusters: RemoteClusters;
  readonly trustDocuments: StoredDocuments<"trusted_cluster">;
  readonly trustedClusters: TrustedClusters;
  readonly pairing: Pairing;
  readonly resources: Resources;
  readonly connectors: Connectors;
  readonly ssoRequests: SsoRequests;
  readonly sso: SingleSignOn;
  readonly likeness: Likeness;
  readonly #sweeping: { cancel(): void };
  #feed: { stop(): void } | undefined;
  readonly #expiries: ExpiryWatch;

  private constructor(
    readonly backend: Backend,
    readonly clock: Clock,
    readonly settings: AuthSettings,
    readonly authorities: Authorities,
    readonly audit: AuditLog,
    readonly recordings: Recordings,
    callOut: CallOut,
  ) {
    const { passwordCost } = settings;
    const factor = secondFactor(backend, clock, authorities.cluster, settings);
    this.changes = new Changes(clock);
    this.rotator = new Rotator(authorities, audit, clock);
    authorities.onChanged(() => this.changes.changed("authorities"));
    this.receiver = new RecordingReceiver(recordings);
    this.presence = new Presence(backend, clock, (roles) => {
      this.changes.changed("servers");
      if (roles.has("auth")) this.changes.changed("auth_servers");
    });
    this.liveSessions = new SharedSessions(
      new LiveSessionDirectory(clock, () => this.changes.changed("sessions")),
      clock,
      backend.watch ? backend : undefined,
    );
    this.likeness = new Likeness(backend, settings.hostId ?? "", settings, {
      clock,
      running: () => this.presence.list("auth"),
      knowsLogOf: (id) => audit.knowsLogOf(id),
    });
    this.users = new Users(backend, () => this.changes.changed("users"));
    this.roles = new Roles(backend, clock, () => this.changes.changed("roles"));
    this.remoteClusters = new RemoteClusters(backend, clock, () => this.changes.changed("clusters"));
    this.trustDocuments = new StoredDocuments(backend, "trusted_cluster");
    this.trustedClusters = new TrustedClusters(backend, () => this.trustDocuments.list(false), () => {
      this.changes.changed("clusters");
      this.changes.changed("roles"); // hosts hear of whose users are let in together with what roles allow
    });
    this.rights = new Rights(this.users, this.roles, clock, () => this.trustedClusters.foreign);
    this.lockout = new Lockout(backend, clock);
    this.signup = new Signup(backend, this.users, clock, factor, passwordCost);
    this.login = new PasswordLogin(this.users, this.lockout, audit, clock, factor, passwordCost);
    this.webSessions = new WebSessions(backend, this.users, clock, this.changes);
    this.account = new Account(backend, this.users, this.login, this.webSessions, clock, passwordCost);
    this.tokens = new JoinTokens(backend, clock, fixedTokens(settings));
    this.pairing = new Pairing(
      backend,
      clock,
      authorities,
      this.tokens,
      () => this.changes.changed("clusters"),
    );
    this.hosts = new Hosts(backend, authorities.cluster, this.presence);
    this.issuer = new Issuer(authorities, audit, clock, (user) => this.rights.ofUser(user));
    this.snapshots = new Snapshots(this.users, this.roles, this.changes, {
      clientIdleTimeout: settings.clientIdleTimeout ?? 0,
      disconnectExpiredCert: settings.disconnectExpiredCert ?? false,
    }, () => this.trustedClusters.foreign);
    this.resources = new Resources(this);
    this.connectors = new Connectors(this.resources, this.roles, clock, callOut);
    this.ssoRequests = new SsoRequests(backend, clock);
    this.sso = new SingleSignOn({
      connectors: this.connectors,
      requests: this.ssoRequests,
      users: new ExternalUsers(this.users, this.roles, this.rights, clock),
      issuer: this.issuer,
      authorities,
      audit,
      clock,
    });
    this.#expiries = new ExpiryWatch(
      clock,
      async () => earliest((await this.users.list()).map(({ expires }) => expires)),
      () => this.changes.changed("users"),
    );
    this.changes.forget((collection) => {
      if (collection === "users") void this.#expiries.refresh();
    });
    this.#sweeping = every(clock, SWEEP_MS, () => this.#sweep());
  }

  static async open(
    backend: Backend,
    files: LogFiles & RecordingFiles,
    clock: Clock,
    settings: AuthSettings,
    callOut: CallOut = noCalls,
    remote: Pick<RemoteAudit, "table" | "recordings"> = {},
  ): Promise<AuthService> {
    await migrate(backend, clock, settings.hostId ?? crypto.randomUUID());
    const authorities = await Authorities.open(backend, clock, settings.clusterName);
    const recordings = new Recordings(settings.recordingsDirectory, remote.recordings ?? files);
    await recordings.prepare();
    const audit = new AuditLog(settings.logDirectory, files, clock, backend.watch && settings.hostId);
    audit.table = remote.table;
    await files.makeDirectory(audit.directory);
    const service = new AuthService(backend, clock, settings, authorities, audit, recordings, callOut);
    await service.presence.load();
    await service.#expiries.refresh();
    await service.trustedClusters.reload();
    service.#follow();
    return service;
  }

  /** Other auth servers may write into the same store. */
  #follow(): void {
    const { presence, authorities, trustedClusters, liveSessions, likeness, changes } = this;
    this.#feed = followStore(this.backend, {
      changed: (collection) => changes.changed(collection),
      authorities: () => authorities.reload(),
      trustedClusters: () => trustedClusters.reload(),
      servers: async () => {
        await presence.load();
        await likeness.compare();
      },
      sessions: () => liveSessions.reload(),
      endSession: (sid) => liveSessions.endNoted(sid),
      configurations: () => likeness.compare(),
    });
  }

  /** Whose certificates are believed. */
  get trust(): Trust {
    const { cluster } = this.authorities;
    return {
      cluster,
      user: this.authorities.trusted("user"),
      host: this.authorities.trusted("host"),
      foreign: this.trustedClusters.trust,
    };
  }

  /** Whether the key that signed the certificate behind an identity is an authority's now. */
  trusts(identity: Identity): boolean {
    if (identity.kind !== "user" || !identity.foreign) return isTrusted(identity, this.authorities);
    const signer = signerOf(identity);
    const keys = this.trustedClusters.trust.find(({ cluster }) => cluster === identity.cluster)?.user ?? [];
    return signer !== undefined && keys.some((key) => key.equals(signer));
  }

  /** A store that is away for a moment must not end the service: the next sweep tries again. */
  async #sweep(): Promise<void> {
    try {
      await this.presence.sweep();
      await this.authorities.reload();
      await this.trustedClusters.reload();
    } catch (error) {
      log.warn("the store cannot be reached: {error}", { error: messageOf(error) });
    }
  }

  async close(): Promise<void> {
    this.#feed?.stop();
    this.liveSessions.close();
    this.#sweeping.cancel();
    this.#expiries.close();
    this.rotator.close();
    await this.presence.sweep();
    await this.backend.close();
  }
}

const noCalls: CallOut = () =>
  Promise.reject(new AppError("unavailable", "this auth server cannot call identity providers"));

function fixedTokens(settings: AuthSettings): JoinToken[] {
  const fixed: JoinToken[] = settings.staticTokens.map(({ token, roles }) => ({
    token,
    roles,
    static: true,
  }));
  const { localToken } = settings;
  if (localToken) fixed.push({ ...localToken, roles: ["proxy", "node"], static: true });
  return fixed;
}
