/**
 * Roles as resources.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import type { ResourceDocument } from "../../model/resource/envelope.ts";
import type { ParsedDocument } from "../../model/resource/parse.ts";
import { roleDocument, roleOf } from "../../model/resource/role.ts";
import { requireFits } from "../../store/backend.ts";
import type { Roles } from "../roles.ts";
import type { Users } from "../users.ts";
import {
  type Outcome,
  type RemovableKind,
  requireState,
  saysTheSame,
  type WritableKind,
  type WriteContext,
} from "./kind.ts";

const MAX_NAMED = 5;

export class RoleResources implements WritableKind<"role">, RemovableKind {
  constructor(readonly roles: Roles, readonly users: Users) {}

  async list(): Promise<ResourceDocument[]> {
    return (await this.roles.list()).map(({ role, version }) => roleDocument(role, version));
  }

  async get(name: string): Promise<ResourceDocument[]> {
    const found = await this.roles.get(name);
    return found ? [roleDocument(found.role, found.version)] : [];
  }

  async put(document: ParsedDocument<"role">, { existing, now }: WriteContext): Promise<Outcome> {
    const role = roleOf(document);
    if (role.expires !== undefined && role.expires <= now) {
      throw new AppError(
        "bad_input",
        `role "${role.name}" would be gone at once: its expiry lies in the past`,
      );
    }
    requireFits(JSON.stringify(role), `role "${role.name}"`);
    const stored = await this.roles.get(role.name);
    requireState("role", role.name, existing, stored?.version);
    if (stored && saysTheSame(role, stored.role)) return { change: "unchanged" };
    await this.roles.put(
      role,
      !stored ? "absent" : stored.version === undefined ? "any" : { version: stored.version },
    );
    return { change: stored ? "updated" : "created" };
  }

  /** @throws {AppError} bad_input while users have the role */
  async remove(name: string): Promise<boolean> {
    const found = await this.roles.get(name);
    if (!found) return false;
    const isBuiltIn = found.version === undefined;
    const holders = (await this.users.list()).filter(({ roles }) => roles.includes(name)).map((user) =>
      user.name
    );
    if (holders.length > 0 && !isBuiltIn) {
      const named = holders.slice(0, MAX_NAMED).join(", ") + (holders.length > MAX_NAMED ? ", ..." : "");
      throw new AppError(
        "bad_input",
        `role "${name}" is in use by ${named}: give them another one first (tctl users update --set-roles)`,
      );
    }
    await this.roles.remove(name);
    return true;
  }
}
