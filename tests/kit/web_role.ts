/**
 * Roles for people who administer a cluster in a browser.
 * @module
 */
import type { Daemon } from "./cluster.ts";

/** Everything, everywhere. */
export const MASTER_ROLE = `kind: role
version: v3
metadata: {name: master}
spec:
  allow:
    logins: ["{{internal.logins}}"]
    node_labels: {"*": "*"}
    rules: [{resources: ["*"], verbs: ["*"]}]
`;

/** Creates a role out of its YAML. */
export async function createRole(daemon: Daemon, yaml: string): Promise<void> {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, yaml);
    await daemon.tctlOk("create", "-f", file);
  } finally {
    await Deno.remove(file);
  }
}
