/**
 * `tctl status`: the cluster and its authorities.
 * @module
 */
import { authorityPin } from "../../src/api/pin.ts";
import { describeRotation } from "../../src/model/rotation.ts";
import { parsePublicKeyLine } from "../../src/ssh/public_key.ts";
import { formatOption, printResult, tableTime } from "../output.ts";
import { examples, leaf } from "../program.ts";
import { type TctlOptions, withAdmin } from "./connect.ts";

export function statusCommand(options: () => TctlOptions) {
  return leaf("status", "Shows the cluster and the state of its certificate authorities.")
    .addOption(formatOption())
    .addHelpText("after", examples("tctl status", "tctl status --format=json"))
    .action(async ({ format }) => {
      await withAdmin(options(), async ({ api }) => {
        const [cluster, authorities] = await Promise.all([
          api.call("cluster.get", {}),
          api.call("authorities.list", {}),
        ]);
        const state = (kind: "user" | "host") => {
          const { rotation, rotated } = authorities.find((known) => known.kind === kind) ?? {};
          return describeRotation(rotation, rotated, tableTime);
        };
        const pins = authorities.filter(({ kind }) => kind === "host")
          .flatMap(({ keys }) => keys.map((line) => authorityPin(parsePublicKeyLine(line).key)));
        const status = {
          cluster: cluster.name,
          version: cluster.version,
          userCa: state("user"),
          hostCa: state("host"),
          caPins: pins,
          rotations: Object.fromEntries(
            authorities.map(({ kind, rotation }) => [kind, rotation ?? { phase: "standby" }]),
          ),
        };
        await printResult(
          format,
          status,
          () =>
            `Cluster  ${status.cluster}\nUser CA  ${status.userCa}\nHost CA  ${status.hostCa}\n` +
            pins.map((pin) => `CA pin   ${pin}\n`).join(""),
        );
      });
    });
}
