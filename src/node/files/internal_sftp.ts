/**
 * `internal-sftp`, OpenSSH's name for a forced command that allows files and nothing else, with the options of
 * sftp-server(8) behind it.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import type { SftpOptions } from "./plan.ts";

export const INTERNAL_SFTP = "internal-sftp";

/** What a session without such a command may do: everything. */
export const UNRESTRICTED: SftpOptions = { readOnly: false, denied: [] };

export function isInternalSftp(command: string): boolean {
  return /^internal-sftp(?:\s|$)/.test(command);
}

/**
 * Reads the options. What they say restricts, so one that is not known or cannot be read refuses the session.
 * @throws {AppError} access_denied
 */
export function parseInternalSftp(command: string, user: { name: string; home: string }): SftpOptions {
  const options: SftpOptions = { ...UNRESTRICTED };
  const words = command.trim().split(/\s+/).slice(1);
  const value = (flag: string) => {
    const next = words.shift();
    if (next === undefined) throw refused(`${flag} without its value`);
    return next;
  };
  for (let flag = words.shift(); flag !== undefined; flag = words.shift()) {
    switch (flag) {
      case "-e": // log to standard error
        break;
      case "-f":
      case "-l": // what is logged by syslog
        value(flag);
        break;
      case "-R":
        options.readOnly = true;
        break;
      case "-d":
        options.startDirectory = value(flag).replace(
          /%[%du]/g,
          (code) => code === "%%" ? "%" : code === "%d" ? user.home : user.name,
        );
        break;
      case "-P":
        options.denied = [...options.denied, ...value(flag).split(",")];
        break;
      case "-p":
        options.allowed = value(flag).split(",");
        break;
      case "-u":
        options.umask = mask(value(flag));
        break;
      default:
        throw refused(`the option ${flag}`);
    }
  }
  return options;
}

function mask(text: string): number {
  if (!/^[0-7]{1,4}$/.test(text)) throw refused(`the umask ${text}`);
  return parseInt(text, 8) & 0o777;
}

function refused(what: string): AppError {
  return new AppError(
    "access_denied",
    `the forced command of your certificate cannot be served: ${INTERNAL_SFTP} with ${what}`,
  );
}
