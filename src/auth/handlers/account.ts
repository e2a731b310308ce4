/**
 * What users do to their own accounts.
 * @module
 */
import type { accountCalls } from "../../api/contract/account.ts";
import type { CallContext, Handlers } from "../../api/serve.ts";
import { Secret } from "../../base/secret.ts";
import type { UserIdentity } from "../../model/identity.ts";
import type { AuthService } from "../service.ts";

export function accountHandlers(auth: AuthService): Pick<Handlers, keyof typeof accountCalls> {
  const { account, audit } = auth;
  const changed = ({ address }: CallContext, user: string, reason: string) =>
    audit.emit({ event: "user.update", user, by: user, "addr.remote": address, reason });
  return {
    "account.password": async ({ password, otp, newPassword, keepSession }, context) => {
      const proof = proofOf({ password, otp }, context);
      await account.changePassword(proof, new Secret(newPassword), keepSession);
      await changed(context, proof.user, "changed the password");
      return {};
    },
    "account.enroll": async (given, context) => {
      const proof = proofOf(given, context);
      const proposed = await account.enroll(proof);
      await changed(context, proof.user, "asked for a new second factor");
      return proposed;
    },
    "account.confirm": async ({ otp, keepSession }, context) => {
      const { name } = context.identity as UserIdentity;
      await account.confirm(name, new Secret(otp), keepSession);
      await changed(context, name, "changed the second factor");
      return {};
    },
  };
}

function proofOf(
  { password, otp }: { password: string; otp: string },
  { identity, address }: CallContext,
) {
  const { name: user } = identity as UserIdentity;
  return { user, password: new Secret(password), factor: new Secret(otp), address };
}
