/**
 * `tctl users`: inviting, listing, changing, locking and removing users.
 * @module
 */
import type { Output } from "../../src/api/contract.ts";
import { parseDuration } from "../../src/base/duration.ts";
import { loginsOf } from "../../src/model/user.ts";
import { formatOption, printResult, table, tableTime } from "../output.ts";
import { examples, print, program } from "../program.ts";
import { type Admin, type TctlOptions, withAdmin } from "./connect.ts";

type ListedUser = Output<"users.list">[number];

export function usersCommand(options: () => TctlOptions) {
  const users = program("users", "Manages user accounts.");
  users.command("add").description("Invites a new user: prints the URL where the user signs up.")
    .argument("<account>", "name of the Teleport user")
    .argument("[logins]", "OS logins the user may use, comma-separated (default: the account's name)")
    .option("--roles <roles>", "roles of the user, comma-separated (default: admin)")
    .option("--ttl <duration>", "how long the invitation is valid, at most 48h", "1h")
    .addOption(formatOption())
    .addHelpText(
      "after",
      examples(
        "tctl users add joe",
        "tctl users add joe joe,root --ttl=8h",
        "tctl users add ann ann --roles=dev,auditor",
      ),
    )
    .action(async (account, logins, { roles, ttl, format }) => {
      await withAdmin(options(), async (admin) => {
        const invitation = await admin.api.call("users.invite", {
          name: account,
          logins: words(logins ?? account),
          roles: roles === undefined ? undefined : words(roles),
          ttl: parseDuration(ttl),
        });
        const { url, proxy } = await signupUrl(admin, invitation.token);
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
    .addHelpText("after", examples("tctl users ls", "tctl users ls --format=json"))
    .action(async ({ format }) => {
      await withAdmin(options(), async ({ api }) => {
        const list = await api.call("users.list", {});
        await printResult(
          format,
          list,
          async () => list.length === 0 ? "No users found\n" : `${await userTable(list)}\n`,
        );
      });
    });
  users.command("update").description("Changes a user's roles or logins.")
    .argument("<account>")
    .option("--set-roles <roles>", "the user's roles from now on, comma-separated")
    .option("--set-logins <logins>", "the user's OS logins from now on, comma-separated")
    .addHelpText("after", examples("tctl users update joe --set-roles=dev --set-logins=joe,ubuntu"))
    .action(async (name, { setRoles, setLogins }, command) => {
      if (setRoles === undefined && setLogins === undefined) {
        command.error("error: name what to change: --set-roles or --set-logins");
      }
      await withAdmin(options(), async ({ api }) => {
        const user = await api.call("users.update", {
          name,
          roles: setRoles === undefined ? undefined : words(setRoles),
          logins: setLogins === undefined ? undefined : words(setLogins),
        });
        if (setRoles !== undefined) print(`${name} has been updated with ${listed("roles", user.roles)}\n`);
        if (setLogins !== undefined) {
          print(`${name} has been updated with ${listed("logins", loginsOf(user))}\n`);
        }
      });
    });
  users.command("reset")
    .description(
      "Prints a URL where a user chooses a new password and second factor; the old ones end at once.",
    )
    .argument("<account>")
    .addHelpText("after", examples("tctl users reset joe", "tctl users reset joe --ttl=8h"))
    .option("--ttl <duration>", "how long the URL is valid, at most 48h", "1h")
    .addOption(formatOption())
    .action(async (name, { ttl, format }) => {
      await withAdmin(options(), async (admin) => {
        const link = await admin.api.call("users.reset", { name, ttl: parseDuration(ttl) });
        const { url, proxy } = await signupUrl(admin, link.token);
        await printResult(
          format,
          { user: name, url, ...link },
          () =>
            `User ${name} cannot log in until a new password is chosen here, within ${ttl}:\n${url}\n\n` +
            `NOTE: make sure the ${proxy} host is accessible.\n`,
        );
      });
    });
  users.command("lock").description("Keeps a user out, until unlocked or for some time.")
    .argument("<account>")
    .option("--message <text>", "why, for the administrators and the audit log")
    .option("--ttl <duration>", "how long (default: until unlocked)")
    .addHelpText(
      "after",
      examples('tctl users lock joe --message="laptop lost"', "tctl users lock joe --ttl=10h"),
    )
    .action(async (name, { message, ttl }) => {
      await withAdmin(options(), async ({ api }) => {
        const { lock } = await api.call("users.lock", {
          name,
          message,
          ttl: ttl === undefined ? undefined : parseDuration(ttl),
        });
        print(
          `User '${name}' has been locked ${
            lock?.until === undefined ? "" : `until ${tableTime(lock.until)}`
          }`.trimEnd() + "\n",
        );
      });
    });
  users.command("unlock").description("Ends a lock, be it an administrator's or one after failed logins.")
    .argument("<account>")
    .addHelpText("after", examples("tctl users unlock joe"))
    .action(async (name) => {
      await withAdmin(options(), async ({ api }) => {
        await api.call("users.unlock", { name });
        print(`User '${name}' has been unlocked\n`);
      });
    });
  users.command("rm").alias("del").description("Deletes user accounts.")
    .argument("<accounts>", "names, comma-separated")
    .addHelpText("after", examples("tctl users rm joe", "tctl users rm joe,ann"))
    .action(async (accounts, _options, command) => {
      if (words(accounts).length === 0) command.error("error: name the accounts to delete");
      await withAdmin(options(), async ({ api }) => {
        for (const name of words(accounts)) {
          await api.call("users.remove", { name });
          print(`User '${name}' has been deleted\n`);
        }
      });
    });
  return users;
}

function words(text: string): string[] {
  return text.split(",").map((word) => word.trim()).filter(Boolean);
}

function listed(what: string, names: readonly string[]): string {
  return names.length === 0 ? `no ${what}` : `${what} ${names.join(",")}`;
}

/** Roles and locks have columns of their own where there is anything to tell about them. */
async function userTable(users: readonly ListedUser[]): Promise<string> {
  const columns: [string, (user: ListedUser) => string][] = [
    ["User", ({ name }) => name],
    ["Allowed Logins", (user) => loginsOf(user).join(",")],
  ];
  if (users.some(({ roles }) => roles.join() !== "admin")) {
    columns.push(["Roles", ({ roles }) => roles.join(",")]);
  }
  if (users.some(({ lock }) => lock)) columns.push(["Locked", lockText]);
  return await table(
    columns.map(([heading]) => heading),
    users.map((user) => columns.map(([, cell]) => cell(user))),
  );
}

function lockText({ lock }: ListedUser): string {
  if (!lock) return "";
  const until = lock.until === undefined ? "until unlocked" : `until ${tableTime(lock.until)}`;
  return lock.message === "" ? until : `${until}: ${lock.message}`;
}

async function signupUrl(admin: Admin, token: string): Promise<{ url: string; proxy: string }> {
  const [first] = await admin.api.call("proxies.addresses", {});
  const proxy = first?.web ?? admin.guess.web;
  return { url: `${admin.scheme}://${proxy}/web/newuser/${token}`, proxy };
}
