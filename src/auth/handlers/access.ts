/**
 * Roles and users for the hosts that decide with them.
 * @module
 */
import type { accessCalls } from "../../api/contract/access.ts";
import type { Handlers } from "../../api/serve.ts";
import type { AuthService } from "../service.ts";

export function accessHandlers(auth: AuthService): Pick<Handlers, keyof typeof accessCalls> {
  return {
    "access.get": async ({ known }) => {
      const { version, snapshot } = await auth.snapshots.current();
      return known === version ? { version } : { version, snapshot };
    },
  };
}
