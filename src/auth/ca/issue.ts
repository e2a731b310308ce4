/**
 * Issuing certificates is a pipeline: modifiers fill a draft from what the server knows, validators must all pass, then
 * it is signed, then audited. Nothing in a certificate is taken from a request but the key and a wish for its lifetime.
 * @module
 */
import { type Clock, toSeconds } from "../../base/clock.ts";
import { EXTENSION } from "../../model/authority.ts";
import type { Permit, SystemRole } from "../../model/identity.ts";
import {
  CERTIFICATE_TTL,
  CLOCK_SKEW,
  HOST_CERTIFICATE,
  SIGNED_TTL,
  TARGET_CERTIFICATE,
} from "../../model/limits.ts";
import type { CertificateWish } from "../../model/certificate_wish.ts";
import type { CertFormat } from "../../model/role.ts";
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
   * @param wish its lifetime may be shortened by the roles and by the user's own end
   */
  async forUser(user: User, publicKey: string, wish: CertificateWish = {}): Promise<Certificate> {
    const { ttl = CERTIFICATE_TTL.default, certFormat } = wish;
    const rights = await this.rightsOf(user);
    const certificate = this.#forUser(
      user,
      rights,
      publicKey,
      certFormat,
      lasts(Math.min(ttl, rights.options().maxSessionTtl)),
    );
    await this.#created(certificate, { "cert.kind": "user", user: user.name });
    return certificate;
  }

  /**
   * A certificate that an administrator signs for a user without a login, for robots: how long it lives is the
   * administrator's choice, what it may do is the roles'.
   */
  async forRobot(
    user: User,
    publicKey: string,
    by: string,
    { ttl = SIGNED_TTL.default, certFormat }: CertificateWish = {},
  ): Promise<Certificate> {
    const wished: Modifier = (draft, now) => draft.validBefore = now + ttl;
    const rights = await this.rightsOf(user);
    const certificate = this.#forUser(user, rights, publicKey, certFormat, wished, SIGNED_TTL.max);
    await this.#created(certificate, { "cert.kind": "user", user: user.name, by });
    return certificate;
  }

  #forUser(
    user: User,
    rights: AccessChecker,
    publicKey: string,
    certFormat: CertFormat | undefined,
    lifetime: Modifier,
    maxTtl?: number,
  ): Certificate {
    return this.#issue("user", publicKey, [
      identifies(user, rights.logins()),
      grantsRoles(user, certFormat === "oldssh" ? certFormat : rights.options().certFormat),
      grantsPermits(rights.permits()),
      lifetime,
      endsWith(user),
    ], maxTtl);
  }

  /** A host certificate for a server that is not ours: it carries the names, and no role in this cluster. */
  async forForeignHost(
    names: readonly string[],
    publicKey: string,
    ttl: number = Infinity,
    by: string,
  ): Promise<Certificate> {
    const certificate = this.#issue("host", publicKey, [(draft, now) => {
      draft.keyId = names[0] ?? "";
      draft.principals = [...new Set(names)];
      draft.validBefore = now + ttl;
    }]);
    await this.#created(certificate, { "cert.kind": "host", names: names.join(","), by });
    return certificate;
  }

  async #created(certificate: Certificate, fields: Record<string, string>): Promise<void> {
    const { serial, validBefore } = certificate;
    await this.audit.emit({
      event: "cert.create",
      serial: serial.toString(),
      expires: validBefore === Infinity ? undefined : new Date(validBefore * 1000).toISOString(),
      ...fields,
    });
  }

  /** A host's certificate for one role, with names that the server chose. */
  async forHost(
    host: { hostId: string; role: SystemRole; names: readonly string[] },
    publicKey: string,
  ): Promise<Certificate> {
    const certificate = this.#issue("host", publicKey, [
      identifiesHost(host),
      marksHost(host, this.authorities.cluster),
      (draft, now) => draft.validBefore = now + HOST_CERTIFICATE.ttl,
    ]);
    await this.#created(certificate, { "cert.kind": "host", server_id: host.hostId, role: host.role });
    return certificate;
  }

  /**
   * What a recording proxy shows in the place of a host: the proxy's own identity, with the host's names. It opens nothing
   * that the proxy's own certificate would not.
   */
  async forTarget(
    { hostId, names }: { hostId: string; names: readonly string[] },
    publicKey: string,
  ): Promise<Certificate> {
    const certificate = this.#issue("host", publicKey, [
      identifiesHost({ hostId, names }),
      marksHost({ role: "proxy" }, this.authorities.cluster),
      (draft, now) => draft.validBefore = now + TARGET_CERTIFICATE.ttl,
    ]);
    const fields = { server_id: hostId, role: "proxy", names: names.join(",") };
    await this.#created(certificate, { "cert.kind": "host", ...fields });
    return certificate;
  }

  #issue(
    kind: "user" | "host",
    publicKey: string,
    modifiers: readonly Modifier[],
    maxTtl?: number,
  ): Certificate {
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
    validate(draft, { now, authorities: this.authorities, maxTtl });
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
const grantsRoles = (user: User, certFormat: CertFormat): Modifier => (draft) => {
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
