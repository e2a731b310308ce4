/**
 * `tctl auth rotate`: new keys for the certificate authorities.
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import { parseDuration } from "../../../src/base/duration.ts";
import { AppError } from "../../../src/base/errors.ts";
import { JOIN_ROLES } from "../../../src/model/identity.ts";
import { ROTATION_PHASES } from "../../../src/model/rotation.ts";
import { isOlder } from "../../../src/model/version.ts";
import type { ApiClient } from "../../../src/api/client.ts";
import { examples, leaf, print, printError } from "../../program.ts";
import { type TctlOptions, withAdmin } from "../connect.ts";

const KINDS = { user: ["user"], host: ["host"], all: ["user", "host"] } as const;
/** Members of before this version do not renew their certificates. */
const ROTATES_SINCE = "0.1.0";

export function rotateCommand(options: () => TctlOptions) {
  return leaf(
    "rotate",
    "Replaces the keys of the certificate authorities. Old certificates work until the grace period is over, " +
      "hosts get new ones by themselves, users at their next login.",
  )
    .addOption(
      new Option("--type <type>", "which CA").choices(["user", "host", "all"] as const).default(
        "all" as const,
      ),
    )
    .option("--grace-period <duration>", "how long old certificates work; 0h cuts them at once", "48h")
    .option("--manual", "go through the phases by hand, each with --phase")
    .addOption(new Option("--phase <phase>", "with --manual: the phase to go to").choices(ROTATION_PHASES))
    .addHelpText(
      "after",
      examples(
        "tctl auth rotate",
        "tctl auth rotate --type=user --grace-period=200h",
        "tctl auth rotate --manual --phase=init     # then update_clients, update_servers, standby",
        "tctl auth rotate --manual --phase=rollback # then standby",
      ),
    )
    .action(async ({ type, gracePeriod, manual = false, phase }) => {
      if (phase !== undefined && !manual) {
        throw new AppError("bad_input", "--phase needs --manual; without it the phases follow by themselves");
      }
      await withAdmin(options(), async ({ api }) => {
        await warnOfOldMembers(api);
        await api.call("authorities.rotate", {
          kinds: [...KINDS[type]],
          mode: manual ? "manual" : "auto",
          graceMs: parseDuration(gracePeriod),
          ...(phase === undefined ? {} : { phase }),
        });
        print(
          phase === undefined || phase === "init"
            ? "Initiated certificate authority rotation. To check status use 'tctl status'\n"
            : `Updated rotation phase to "${phase}". To check status use 'tctl status'\n`,
        );
      });
    });
}

/** Members that are too old keep their certificates, and are out when the grace period is over. */
async function warnOfOldMembers(api: ApiClient): Promise<void> {
  for (const role of JOIN_ROLES) {
    for (const { name, id, version } of await api.call("servers.list", { role })) {
      if (!isOlder(version, ROTATES_SINCE)) continue;
      printError(
        `WARNING: the ${role} ${name} (${id}) runs version ${version}, which cannot renew its certificates: upgrade it ` +
          `to ${ROTATES_SINCE} or newer first\n`,
      );
    }
  }
}
