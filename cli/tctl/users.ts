/**
 * `tctl users`: inviting, listing and removing users.
 * @module
 */
import { parseDuration } from "../../src/base/duration.ts";
import { formatHostPort } from "../../src/base/dial.ts";
import { loginsOf } from "../../src/model/user.ts";
import { formatOption, printResult, table } from "../output.ts";
import { examples, print, program } from "../program.ts";
import { type Admin, type TctlOptions, withAdmin } from "./connect.ts";

export function usersCommand(options: () => TctlOptions) {
  const users = program("users", "Manages user accounts.");
  users.command("add").description("Invites a new user: prints the URL where the user signs up.")
    .argument("<account>", "name of the Teleport user")
    .argument("[logins]", "OS logins the user may use, comma-separated (default: the account's name)")
    .option("--ttl <duration>", "how long the invitation is valid, at most 48h", "1h")
    .addOption(formatOption())
    .addHelpText("after", examples("tctl users add joe", "tctl users add joe joe,root --ttl=8h"))
    .action(async (account, logins, { ttl, format }) => {
      await withAdmin(options(), async (admin) => {
        const invitation = await admin.api.call("users.invite", {
          name: account,
          logins: (logins ?? account).split(",").map((login) => login.trim()).filter(Boolean),
          ttl: parseDuration(ttl),
        });
        const proxy = await publicProxy(admin);
        const scheme = admin.config.proxy.tls ? "https" : "http";
        const url = `${scheme}://${proxy}/web/newuser/${invitation.token}`;
        await printResult(
          format,
          { user: account, url, ...invitation },
          () =>
            `Signup token has been created and is valid for ${ttl}. Share this URL with the user:\n${url}\n\n` +
            `NOTE: make sure the ${proxy} host is accessible.\n`,
        );
      });
    });
  users.command("ls").description("Lists all user accounts.").addOption(formatOption())
    .action(async ({ format }) => {
      await withAdmin(options(), async ({ api }) => {
        const list = await api.call("users.list", {});
        await printResult(
          format,
          list,
          () =>
            list.length === 0
              ? "No users found\n"
              : `${
                table(["User", "Allowed Logins"], list.map((user) => [user.name, loginsOf(user).join(",")]))
              }\n`,
        );
      });
    });
  users.command("rm").alias("del").description("Deletes user accounts.")
    .argument("<accounts>", "names, comma-separated")
    .action(async (accounts) => {
      await withAdmin(options(), async ({ api }) => {
        for (const name of accounts.split(",").map((text) => text.trim()).filter(Boolean)) {
          await api.call("users.remove", { name });
          print(`User '${name}' has been deleted\n`);
        }
      });
    });
  return users;
}

/** Where users reach a proxy: a running one's address, else the configured one. */
export async function publicProxy({ api, config }: Admin): Promise<string> {
  const [first] = await api.call("proxies.addresses", {});
  if (first) return first.web;
  const [configured] = config.proxy.publicAddrs;
  return formatHostPort({
    host: configured?.host ?? config.nodename,
    port: configured?.port || config.proxy.webListenAddr.port,
  });
}
