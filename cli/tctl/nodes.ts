/**
 * `tctl nodes`: inviting and listing nodes.
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import { parsePublicKeyLine } from "../../src/ssh/public_key.ts";
import { authorityPin } from "../../src/api/pin.ts";
import { parseDuration } from "../../src/base/duration.ts";
import { isJoinRole } from "../../src/model/token.ts";
import { nodeTable } from "../node_table.ts";
import { formatOption, printResult } from "../output.ts";
import { examples, program } from "../program.ts";
import { type TctlOptions, withAdmin } from "./connect.ts";
import { isForCluster, parseTokenRoles, tokenText } from "./tokens.ts";

export function nodesCommand(options: () => TctlOptions) {
  const nodes = program("nodes", "Invites and lists the nodes of the cluster.");
  nodes.command("add").description("Makes an invitation token for new nodes.")
    .option(
      "--roles <roles>",
      "comma-separated roles the new node may take: node, proxy, auth; trusted_cluster for another cluster",
      "node",
    )
    .option("--ttl <duration>", "how long the token is valid", "30m")
    .option("--token <token>", "use this value instead of a random one")
    .addOption(formatOption())
    .addHelpText("after", examples("tctl nodes add --ttl=5m", "tctl nodes add --roles=node,proxy"))
    .action(async ({ roles, ttl, token, format }) => {
      await withAdmin(options(), async ({ api, guess }) => {
        const wanted = parseTokenRoles(roles);
        const created = await api.call("tokens.create", { roles: wanted, ttl: parseDuration(ttl), token });
        const [auth] = await api.call("servers.list", { role: "auth" });
        const address = auth?.address ?? guess.auth;
        const pins = (await api.call("authorities.list", {})).filter((authority) => authority.kind === "host")
          .flatMap(({ keys }) => keys.map((line) => authorityPin(parsePublicKeyLine(line).key)));
        await printResult(
          format,
          { ...created, roles: wanted, authServer: address, caPins: pins },
          () =>
            isForCluster(wanted)
              ? tokenText(created.token, wanted, ttl)
              : `The invite token: ${created.token}\n` +
                "Run this on the new node to join the cluster:\n" +
                `> teleport start --roles=${wanted.filter(isJoinRole).join(",")} --token=${created.token} ${
                  pins.map((pin) => `--ca-pin=${pin}`).join(" ")
                } --auth-server=${address}\n\n` +
                "Please note:\n\n" +
                `  - This invitation token will expire in ${ttl}\n` +
                `  - ${address} must be reachable from the new node, see --advertise-ip server flag\n`,
        );
      });
    });
  nodes.command("ls").description("Lists the nodes that are up.").addOption(
    new Option("--namespace <name>").hideHelp(),
  ).addOption(formatOption())
    .addHelpText("after", examples("tctl nodes ls", "tctl nodes ls --format=json"))
    .action(async ({ format }) => {
      await withAdmin(options(), async ({ api }) => {
        const list = await api.call("servers.list", { role: "node" });
        await printResult(format, list, () => nodeTable(list));
      });
    });
  return nodes;
}
