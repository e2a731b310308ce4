/**
 * Names of users and groups by their numbers, remembered, because a listing asks for the same few again and again.
 * @module
 */
import { isAppError } from "../../../base/errors.ts";
import { lookupGroupName, lookupUserName } from "../../os/user.ts";

const MAX_REMEMBERED = 4096;

function remembering(
  lookup: (id: number) => string | undefined,
): (id: number) => string | undefined {
  const known = new Map<number, string | undefined>();
  return (id) => {
    if (known.has(id)) return known.get(id);
    if (known.size >= MAX_REMEMBERED) known.clear();
    const name = orNone(() => lookup(id));
    known.set(id, name);
    return name;
  };
}

function orNone(lookup: () => string | undefined): string | undefined {
  try {
    return lookup();
  } catch (error) {
    if (isAppError(error)) return undefined; // the name service does not answer: numbers will do
    throw error;
  }
}

export const userName = remembering(lookupUserName);
export const groupName = remembering(lookupGroupName);
