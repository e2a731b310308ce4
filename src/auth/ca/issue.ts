/**
 * Issuing certificates is a pipeline: modifiers fill a draft from what the server knows, validators must all pass, then
 * it is signed, then audited. Nothing in a certificate is taken from a request but the key and a wish for its lifetime.
 * @module
 */
import { type Clock, toSeconds } from "../../base/clock.ts";
import { EXTENSION } from "../../model/authority.ts";
import type { Permit, SystemRole } from "../../model/identity.ts";
import { CERTIFICATE_TTL, CLOCK_SKEW } from "../../model/limits.ts";
import type { RoleOptions } from "../../model/role.ts";
import type { AccessChecker } from "../../model/access.ts";
import type { User } from "../../model/user.ts";
import { type Certificate, type CertificateTemplate, issueCertificate } from "../../ssh/certificate.ts";
import { parsePublicKeyLine } from "../../ssh/public_key.ts";
import type { AuditLog } from "../audit/log.ts";
import type { Authorities } from "./authorities.ts";
import { type Draft, type Modifier, validate } from "./rules.ts";

/** Signs for users and hosts. */
export class Issuer {
  /** @param rightsOf what a user's roles allow */
  constructor(
    readonly authorities: Authorities,
    readonly audit: AuditLog,
    readonly clock: Clock,
    readonly rightsOf: (user: User) => Promise<AccessChecker>,
  ) {}

  /**
   * A user's certificate, with what the user's roles allow.
   * @param publicKey an OpenSSH public key line
   * @param ttl wished lifetime in milliseconds; the roles and the user's own end may shorten it
   */
  async forUser(user: User, publicKey: string, ttl: number = CERTIFICATE_TTL.default): Promise<Certificate> {
    const rights = await this.rightsOf(user);
    const options = rights.options();
    const certificate = this.#issue("user", publicKey, [
      identifies(user, rights.logins()),
      grantsRoles(user, options),
      grantsPermits(rights.permits()),
      lasts(Math.min(ttl, options.maxSessionTtl)),
      endsWith(user),
    ]);
    await this.audit.emit({
      event: "cert.create",
      "cert.kind": "user",
      user: user.name,
      serial: certificate.serial.toString(),
      expires: new Date(certificate.validBefore * 1000).toISOString(),
    });
    return certificate;
  }

  /** A host's certificate for one role, with names that the server chose. */
  async forHost(
    host: { hostId: string; role: SystemRole; names: readonly string[] },
    publicKey: string,
  ): Promise<Certificate> {
    const certificate = this.#issue("host", publicKey, [
      identifiesHost(host),
      marksHost(host, this.authorities.cluster),
    ]);
    await this.audit.emit({
      event: "cert.create",
      "cert.kind": "host",
      server_id: host.hostId,
      role: host.role,
      serial: certificate.serial.toString(),
    });
    return certificate;
  }

  #issue(kind: "user" | "host", publicKey: string, modifiers: readonly Modifier[]): Certificate {
    const now = this.clock.now();
    const draft: Draft = {
      kind,
      publicKey,
      keyId: "",
      principals: [],
      extensions: {},
      validBefore: Infinity,
    };
    for (const modify of modifiers) modify(draft, now);
    validate(draft, { now, authorities: this.authorities });
    const template: CertificateTemplate = {
      kind,
      key: parsePublicKeyLine(draft.publicKey).key,
      keyId: draft.keyId,
      principals: draft.principals,
      extensions: draft.extensions,
      validAfter: toSeconds(now - CLOCK_SKEW),
      validBefore: draft.validBefore === Infinity ? Infinity : toSeconds(draft.validBefore),
    };
    return issueCertificate(this.authorities.signer(kind), template);
  }
}

const identifies = (user: User, logins: readonly string[]): Modifier => (draft) => {
  draft.keyId = user.name;
  draft.principals = [...logins];
};

/** OpenSSH 7.1 and older stumble over an extension that they do not know. */
const grantsRoles = (user: User, { certFormat }: RoleOptions): Modifier => (draft) => {
  if (certFormat === "oldssh") return;
  draft.extensions[EXTENSION.roles] = JSON.stringify({ version: "v1", roles: user.roles });
};

const grantsPermits = (permits: Iterable<Permit>): Modifier => (draft) => {
  for (const permit of permits) draft.extensions[`permit-${permit}`] = "";
};

const lasts = (ttl: number): Modifier => (draft, now) => {
  draft.validBefore = now + Math.min(ttl, CERTIFICATE_TTL.max);
};

const endsWith = ({ expires = Infinity }: User): Modifier => (draft) => {
  draft.validBefore = Math.min(draft.validBefore, expires);
};

const identifiesHost = (host: { hostId: string; names: readonly string[] }): Modifier => (draft) => {
  draft.keyId = host.hostId;
  draft.principals = [...new Set(host.names)];
};

const marksHost = (host: { role: SystemRole }, cluster: string): Modifier => (draft) => {
  draft.extensions[EXTENSION.hostRole] = host.role;
  draft.extensions[EXTENSION.cluster] = cluster;
};
