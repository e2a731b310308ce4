/**
 * Which names are allowed. Names end up in certificates, paths, log lines and terminals, so the rules are strict.
 * @module
 */

/** A cluster user: letters, digits and `._@+-`, so that mail addresses work. */
export function isUserName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}$/.test(name);
}

/**
 * A user of another cluster, as this one calls it: no user of this one can be called so, since names hold no colon.
 */
export function foreignUserName(user: string, cluster: string): string {
  return `${cluster}:${user}`;
}

/** What {@linkcode foreignUserName} makes. */
export function isForeignUserName(name: string): boolean {
  const colon = name.indexOf(":");
  return colon > 0 && isHostName(name.slice(0, colon)) && isUserName(name.slice(colon + 1));
}

/** An OS login (useradd's rule, with room for directory services' names). */
export function isLogin(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._@+\\-]{0,63}\$?$/.test(name) && !name.includes("\\");
}

/** A host or cluster name. */
export function isHostName(name: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(name);
}

/** A UUID, as hosts and sessions are named. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);
}

/** A label's key. */
export function isLabelKey(key: string): boolean {
  return /^[a-zA-Z/.0-9_*:-]{1,128}$/.test(key);
}
