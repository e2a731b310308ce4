/**
 * The options that every tsh command takes, before or after the command's name.
 * @module
 */
import { type Command, Option } from "@commander-js/extra-typings";
import { CERTIFICATE_TTL } from "../../src/model/limits.ts";
import { parseDuration } from "../../src/base/duration.ts";
import { CERT_FORMATS, type CertFormat } from "../../src/model/role.ts";
import { AppError } from "../../src/base/errors.ts";

export interface TshOptions {
  login?: string;
  proxy?: string;
  user?: string;
  ttl?: string;
  identity?: string;
  insecure?: boolean;
  cluster?: string;
  skipVersionCheck?: boolean;
  debug?: boolean;
  /** A connector's name, or `local`. */
  auth?: string;
  /** The program that opens addresses, or `none`. */
  browser?: string;
  certFormat?: CertFormat;
}

/** Options with a value; tsh.ts needs them to find the command among the arguments. */
export const VALUE_OPTIONS = [
  "-l",
  "--login",
  "--proxy",
  "--user",
  "--ttl",
  "-i",
  "--identity",
  "--cluster",
  "--auth",
  "--browser",
  "--cert-format",
  "--compat",
  "--namespace",
];

export function addCommonOptions<T extends Command>(command: T): T {
  command
    .addOption(new Option("-l, --login <login>", "OS user to log in as").env("TELEPORT_LOGIN"))
    .addOption(
      new Option("--proxy <address>", "proxy: host, host:webport or host:webport,sshport").env(
        "TELEPORT_PROXY",
      ),
    )
    .addOption(new Option("--user <user>", "Teleport user").env("TELEPORT_USER"))
    .option("--ttl <minutes>", "lifetime of the certificate in minutes, or as 8h")
    .option("-i, --identity <file>", "identity file, in place of a login")
    .option("--insecure", "do not verify the proxy's HTTPS certificate")
    .addOption(new Option("--cluster <name>", "cluster to use").env("TELEPORT_SITE"))
    .option("--skip-version-check", "work with a server that asks for a newer client")
    .option("-d, --debug", "verbose errors")
    .option("--auth <connector>", "log in through this connector, or with a password: local")
    .option("--browser <program>", "what opens the login page; none prints its address only")
    .addOption(
      new Option("--cert-format <format>", "oldssh: a certificate that OpenSSH 7.1 and older can read")
        .choices(
          CERT_FORMATS,
        ),
    )
    // Taken for the sake of old scripts; they mean nothing here.
    .addOption(new Option("--compat <version>").hideHelp())
    .addOption(new Option("--namespace <name>").hideHelp())
    .addOption(new Option("--nocache").hideHelp())
    .addOption(new Option("--gops").hideHelp());
  return command;
}

/** Milliseconds of `--ttl`: a number counts minutes. */
export function ttlMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 60_000 : parseDuration(text);
  if (ms < CERTIFICATE_TTL.min || ms > CERTIFICATE_TTL.max) {
    throw new AppError("bad_input", "--ttl must be between 1 minute and 30 hours (1800)");
  }
  return ms;
}
