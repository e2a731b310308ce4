/**
 * `tctl auth`: the certificate authorities.
 * @module
 */
import { program } from "../../program.ts";
import type { TctlOptions } from "../connect.ts";
import { exportCommand } from "./export.ts";
import { genCommand } from "./gen.ts";
import { rotateCommand } from "./rotate.ts";
import { signCommand } from "./sign.ts";

export function authCommand(options: () => TctlOptions) {
  return program("auth", "Works with the cluster's certificate authorities.")
    .addCommand(exportCommand(options))
    .addCommand(signCommand(options))
    .addCommand(rotateCommand(options))
    .addCommand(genCommand());
}
