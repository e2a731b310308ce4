/**
 * `tctl tokens`: the invitations that are still open.
 * @module
 */
import { parseDuration } from "../../src/base/duration.ts";
import { AppError } from "../../src/base/errors.ts";
import { TOKEN_ROLES, type TokenRole } from "../../src/model/token.ts";
import { formatOption, printResult, table, tableTime } from "../output.ts";
import { examples, print, program } from "../program.ts";
import { type TctlOptions, withAdmin } from "./connect.ts";

export function tokensCommand(options: () => TctlOptions) {
  const tokens = program("tokens", "Lists, makes and deletes invitation tokens.");
  tokens.command("ls").description("Lists the tokens of nodes and users that can still be used.")
    .option("--type <roles>", "only tokens of these roles, comma-separated; users' invitations are signup")
    .addOption(formatOption())
    .addHelpText("after", examples("tctl tokens ls", "tctl tokens ls --type=node,signup"))
    .action(async ({ type, format }) => {
      await withAdmin(options(), async ({ api }) => {
        const wanted = type?.split(",").flatMap((role) =>
          role === "signup" ? ["signup"] : parseTokenRoles(role)
        );
        const list = (await api.call("tokens.list", {}))
          .filter(({ roles }) => wanted === undefined || roles.some((role) => wanted.includes(role)));
        await printResult(format, list, async () => {
          if (list.length === 0) return "No active tokens found.\n";
          const rows = list.map((token) => [
            token.token,
            token.roles.map(title).join(",") + (token.user === undefined ? "" : ` (${token.user})`),
            tableTime(token.expires),
          ]);
          return `${await table(["Token", "Role", "Expiry Time (UTC)"], rows)}\n`;
        });
      });
    });
  tokens.command("add").description("Makes an invitation token.")
    .requiredOption("--type <roles>", "comma-separated roles: node, proxy, auth, trusted_cluster")
    .option("--value <token>", "use this value instead of a random one")
    .option("--ttl <duration>", "how long the token is valid", "1h")
    .addOption(formatOption())
    .addHelpText(
      "after",
      examples("tctl tokens add --type=node --ttl=5m", "tctl tokens add --type=trusted_cluster"),
    )
    .action(async ({ type, value, ttl, format }) => {
      await withAdmin(options(), async ({ api }) => {
        const roles = parseTokenRoles(type);
        const created = await api.call("tokens.create", { roles, token: value, ttl: parseDuration(ttl) });
        await printResult(format, { ...created, roles }, () => tokenText(created.token, roles, ttl));
      });
    });
  tokens.command("del").alias("rm").description("Deletes a token: it cannot be used from then on.")
    .argument("<token>")
    .addHelpText("after", examples("tctl tokens rm 0ac7a2de0fa7b01e7ed375c30408a22a"))
    .action(async (token) => {
      await withAdmin(options(), async ({ api }) => {
        await api.call("tokens.remove", { token });
        print(`Token ${token} has been deleted\n`);
      });
    });
  return tokens;
}

function title(role: string): string {
  return role === "trusted_cluster" ? role : role[0]?.toUpperCase() + role.slice(1);
}

/** Whether a token with these roles is for another cluster, and for no host of this one. */
export function isForCluster(roles: readonly TokenRole[]): boolean {
  return roles.every((role) => role === "trusted_cluster");
}

export function tokenText(token: string, roles: readonly TokenRole[], ttl: string): string {
  if (!isForCluster(roles)) return `The invite token: ${token}\n`;
  return `The cluster invite token: ${token}\n` +
    "Name it as spec.token of a trusted_cluster resource in the other cluster, and create that there.\n\n" +
    `Please note:\n\n  - This invitation token will expire in ${ttl}\n`;
}

/** Comma-separated roles of a token; `trustedcluster` is an old spelling. */
export function parseTokenRoles(text: string): TokenRole[] {
  const roles = text.split(",").map((word) => {
    const name = word.trim().toLowerCase();
    const role = TOKEN_ROLES.find((known) => known === name || known.replace("_", "") === name);
    if (!role) {
      throw new AppError("bad_input", `role "${word}" is not known; the roles are ${TOKEN_ROLES.join(", ")}`);
    }
    return role;
  });
  return [...new Set(roles)];
}
