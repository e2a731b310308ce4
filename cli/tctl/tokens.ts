/**
 * `tctl tokens`: the invitations that are still open.
 * @module
 */
import { parseDuration } from "../../src/base/duration.ts";
import { formatOption, printResult, table, tableTime } from "../output.ts";
import { print, program } from "../program.ts";
import { type TctlOptions, withAdmin } from "./connect.ts";
import { parseRoles } from "./nodes.ts";

export function tokensCommand(options: () => TctlOptions) {
  const tokens = program("tokens", "Lists and deletes invitation tokens.");
  tokens.command("ls").description("Lists the tokens of nodes and users that can still be used.")
    .addOption(formatOption())
    .action(async ({ format }) => {
      await withAdmin(options(), async ({ api }) => {
        const list = await api.call("tokens.list", {});
        await printResult(format, list, () => {
          if (list.length === 0) return "No active tokens found.\n";
          const title = (role: string) => role[0]?.toUpperCase() + role.slice(1);
          const rows = list.map((token) => [
            token.token,
            token.roles.map(title).join(",") + (token.user === undefined ? "" : ` (${token.user})`),
            tableTime(token.expires),
          ]);
          return `${table(["Token", "Role", "Expiry Time (UTC)"], rows)}\n`;
        });
      });
    });
  tokens.command("add").description("Makes an invitation token.")
    .requiredOption("--type <roles>", "comma-separated roles: node, proxy, auth")
    .option("--value <token>", "use this value instead of a random one")
    .option("--ttl <duration>", "how long the token is valid", "1h")
    .addOption(formatOption())
    .action(async ({ type, value, ttl, format }) => {
      await withAdmin(options(), async ({ api }) => {
        const input = { roles: parseRoles(type), token: value, ttl: parseDuration(ttl) };
        const created = await api.call("tokens.create", input);
        await printResult(format, created, () => `The invite token: ${created.token}\n`);
      });
    });
  tokens.command("del").alias("rm").description("Deletes a token: it cannot be used from then on.")
    .argument("<token>")
    .action(async (token) => {
      await withAdmin(options(), async ({ api }) => {
        await api.call("tokens.remove", { token });
        print(`Token ${token} has been deleted\n`);
      });
    });
  return tokens;
}
