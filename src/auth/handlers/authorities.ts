/**
 * The certificate authorities: rotating them, and having them sign.
 * @module
 */
import { allowed, demand } from "../../api/access.ts";
import type { authorityCalls } from "../../api/contract/authorities.ts";
import type { CallContext, Handlers } from "../../api/serve.ts";
import { AppError } from "../../base/errors.ts";
import { describe, type HostIdentity } from "../../model/identity.ts";
import { ROTATION_GRACE } from "../../model/limits.ts";
import { formatDuration } from "../../base/duration.ts";
import { type Certificate, formatCertificateLine } from "../../ssh/certificate.ts";
import type { AuthService } from "../service.ts";

export function authorityHandlers(auth: AuthService): Pick<Handlers, keyof typeof authorityCalls> {
  const { authorities, rotator, users, issuer, hosts } = auth;
  const signed = (certificate: Certificate, comment: string) => ({
    certificate: formatCertificateLine(certificate, comment),
    cluster: authorities.cluster,
    hostAuthorities: authorities.trusted("host").map((key) => key.toLine()),
  });
  return {
    "authorities.list": () => Promise.resolve(authorities.list()),
    "authorities.rotate": async (request, context) => {
      demand(context, "cert_authority", "rotate");
      if (request.graceMs > ROTATION_GRACE.max) {
        throw new AppError("bad_input", `a grace period is at most ${formatDuration(ROTATION_GRACE.max)}`);
      }
      await rotator.rotate(request, { name: describe(context.identity), address: context.address });
      return authorities.list();
    },
    "certificates.user": async ({ user: name, publicKey, ttl, certFormat }, context) => {
      demand(context, "cert_authority", "create");
      const user = await users.get(name);
      if (!user) {
        throw new AppError("not_found", `user "${name}" does not exist; "tctl users ls" lists the users`);
      }
      mayStandIn(context, name);
      return signed(
        await issuer.forRobot(user, publicKey, describe(context.identity), { ttl, certFormat }),
        name,
      );
    },
    "certificates.host": async ({ names, publicKey, ttl }, context) => {
      demand(context, "cert_authority", "create");
      await hosts.checkForeignNames(names);
      return signed(
        await issuer.forForeignHost(names, publicKey, ttl, describe(context.identity)),
        names[0] ?? "",
      );
    },
    "certificates.target": async ({ names, publicKey }, { identity }) => {
      const { hostId } = identity as HostIdentity;
      if (auth.settings.sessionRecording !== "proxy") {
        throw new AppError(
          "access_denied",
          'a proxy stands in for hosts only where session_recording is "proxy"; it is not in the auth server\'s ' +
            "configuration",
        );
      }
      await hosts.renewal({ hostId, role: "proxy" }, publicKey);
      await hosts.checkTargetNames(names);
      const certificate = await issuer.forTarget({ hostId, names }, publicKey);
      return { certificate: formatCertificateLine(certificate) };
    },
  };
}

/** Who signs for a user may do all that the user may: that takes the right to change the user, too. */
function mayStandIn(context: CallContext, user: string): void {
  if (allowed(context, "user", "update")) return;
  throw new AppError("access_denied", `only who may change users gets a certificate for ${user}`);
}
