/**
 * Roles in the store. The role `admin` is built in: it comes from the program, so that neither a damaged store nor a
 * restored backup can take it away or widen it.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import { BUILT_IN_ROLES } from "../model/admin_role.ts";
import type { Role } from "../model/role.ts";
import { validateRole } from "../model/role_rules.ts";
import type { Backend, Entry, Key } from "../store/backend.ts";

/** A role and the state of its record. */
export interface StoredRole {
  role: Role;
  /** Changes with every write; undefined for a built-in role. */
  version: string | undefined;
}

/** What must be true of the record for a write: there is none, it is the one that was read, or nothing. */
export type Expected = "absent" | "any" | { version: string };

const keyOf = (name: string): Key => ["role", name];

export class Roles {
  /** @param onChange called after every write */
  constructor(readonly backend: Backend, readonly clock: Clock, readonly onChange: () => void) {}

  /** An expired role is gone. */
  async get(name: string): Promise<StoredRole | undefined> {
    const role = BUILT_IN_ROLES.get(name);
    if (role) return { role, version: undefined };
    const entry = await this.backend.get(keyOf(name));
    return entry && this.#current(entry);
  }

  async list(): Promise<StoredRole[]> {
    const builtIn = [...BUILT_IN_ROLES.values()].map((role) => ({ role, version: undefined }));
    const stored = (await this.backend.list(["role"])).flatMap((entry) => this.#current(entry) ?? []);
    return [...builtIn, ...stored];
  }

  /** Those of the named roles that exist. A name without a role grants and denies nothing. */
  async named(names: readonly string[]): Promise<Role[]> {
    const found = await Promise.all([...new Set(names)].map((name) => this.get(name)));
    return found.flatMap((stored) => stored?.role ?? []);
  }

  /** The names without a role. */
  async missing(names: readonly string[]): Promise<string[]> {
    const found = new Set((await this.named(names)).map(({ name }) => name));
    return names.filter((name) => !found.has(name));
  }

  /**
   * Writes a role. A built-in role can be written only as it is, so that a backup that holds it can be restored.
   * @throws {AppError} bad_input, already_exists or conflict
   */
  async put(role: Role, expected: Expected): Promise<void> {
    validateRole(role);
    const builtIn = BUILT_IN_ROLES.get(role.name);
    if (builtIn) {
      if (expected !== "absent" && sameRole(role, builtIn)) return;
      throw new AppError(
        "bad_input",
        `role "${role.name}" is built in and cannot be changed; make a role of another name and give it to users`,
      );
    }
    const key = keyOf(role.name);
    const put = { type: "put" as const, key, value: JSON.stringify(role), expires: role.expires };
    const check = expected === "any" ? [] : [{
      type: "check" as const,
      key,
      version: expected === "absent" ? undefined : expected.version,
    }];
    if (!await this.backend.commit([...check, put])) {
      throw expected === "absent"
        ? new AppError("already_exists", `role "${role.name}" already exists`)
        : new AppError("conflict", `role "${role.name}" was changed meanwhile; get it anew and try again`);
    }
    this.onChange();
  }

  /** @throws {AppError} not_found, or bad_input for a built-in role */
  async remove(name: string): Promise<void> {
    if (BUILT_IN_ROLES.has(name)) {
      throw new AppError("bad_input", `role "${name}" is built in and cannot be removed`);
    }
    if (!await this.get(name)) {
      throw new AppError("not_found", `role "${name}" does not exist; "tctl get roles" lists the roles`);
    }
    await this.backend.commit([{ type: "delete", key: keyOf(name) }]);
    this.onChange();
  }

  #current({ value, version }: Entry): StoredRole | undefined {
    const role: Role = JSON.parse(value);
    return role.expires !== undefined && role.expires <= this.clock.now() ? undefined : { role, version };
  }
}

function sameRole(a: Role, b: Role): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** The value with its keys in order; what is undefined is left out. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([, part]) => part !== undefined).sort(([a], [b]) => a < b ? -1 : 1)
      .map(([key, part]) => [key, sorted(part)]),
  );
}
