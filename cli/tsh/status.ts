/**
 * `tsh status`: who am I, where, for how long.
 * @module
 */
import { type Format, printResult } from "../output.ts";
import { type Login, readLogin, readProfiles } from "./home.ts";
import { loginFields, profileText } from "./login_text.ts";
import type { TshOptions } from "./options.ts";

export async function statusCommand(options: TshOptions, format: Format): Promise<void> {
  const logins = options.identity === undefined ? await storedLogins() : [await identity(options)];
  await printResult(
    format,
    logins.map(loginFields),
    () =>
      logins.length === 0
        ? "Not logged in.\n"
        : logins.map((login, i) => profileText(login, i === 0)).join("\n"),
  );
}

async function identity(options: TshOptions): Promise<Login> {
  const { ensureLogin } = await import("./login.ts");
  return await ensureLogin(options);
}

async function storedLogins(): Promise<Login[]> {
  const logins: Login[] = [];
  for (const profile of await readProfiles()) {
    const login = await readLogin(profile);
    if (login) logins.push(login);
  }
  return logins;
}
