/**
 * One login, as `tsh status` and `tsh login` show it.
 * @module
 */
import { systemClock } from "../../src/base/clock.ts";
import { formatDuration } from "../../src/base/duration.ts";
import { EXTENSION } from "../../src/model/authority.ts";
import type { Login } from "./home.ts";

function rolesOf({ certificate }: Login): string[] {
  const text = certificate.extensions.get(EXTENSION.roles);
  if (text === undefined) return [];
  const { roles } = JSON.parse(text);
  return Array.isArray(roles) ? roles.map(String) : [];
}

export function loginFields(login: Login) {
  const { profile, certificate } = login;
  return {
    proxy: `https://${profile.proxyHost}:${profile.webPort}`,
    user: profile.user,
    cluster: profile.site ?? profile.cluster,
    roles: rolesOf(login),
    logins: certificate.principals,
    validUntil: new Date(certificate.validBefore * 1000).toISOString(),
    expired: certificate.validBefore * 1000 <= systemClock.now(),
    extensions: [...certificate.extensions.keys()].filter((name) => name.startsWith("permit-")),
  };
}

/** @param current it is the one that commands use */
export function profileText(login: Login, current: boolean): string {
  const status = loginFields(login);
  const left = login.certificate.validBefore * 1000 - systemClock.now();
  const valid = left > 0 ? `[valid for ${formatDuration(left)}]` : "[EXPIRED]";
  const lines = [
    ["Profile URL:", status.proxy],
    ["Logged in as:", status.user],
    ["Cluster:", status.cluster],
    ["Roles:", status.roles.join(", ")],
    ["Logins:", status.logins.join(", ")],
    ["Valid until:", `${status.validUntil} ${valid}`],
    ["Extensions:", status.extensions.join(", ")],
  ];
  return lines.map(([name = "", value], i) =>
    `${i === 0 && current ? "> " : "  "}${name.padEnd(14)}${value}\n`
  ).join("");
}
