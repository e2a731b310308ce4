/**
 * `deno task start`: a cluster for trying things out: all roles, data under `.data` in this folder, no root needed. The
 * first start invites the user who runs it.
 * @module
 */
import { eventually } from "../tests/kit/run.ts";
import { exists } from "../src/base/exists.ts";
import { buildUi } from "./build_ui.ts";

const ROOT = new URL("../", import.meta.url).pathname.replace(/\/$/, "");
const DATA = `${ROOT}/.data`;
const CONFIG = `${DATA}/teleport.yaml`;

/** How the person typed `deno task`, for the commands to type next. */
const task = Deno.env.get("npm_command") === "exec" ? `npx -y deno@${Deno.version.deno} task` : "deno task";

const CONFIGURATION = `# Made by "deno task start"; edit it as you like.
teleport:
  nodename: ${Deno.hostname().replace(/[^A-Za-z0-9._-]/g, "-")}
  data_dir: ${DATA}/teleport
  log: {output: ${DATA}/teleport.log, severity: INFO}
auth_service:
  cluster_name: local
  listen_addr: 127.0.0.1:3025
ssh_service:
  listen_addr: 127.0.0.1:3022
  labels: {env: trial}
proxy_service:
  listen_addr: 127.0.0.1:3023
  web_listen_addr: 127.0.0.1:3080
  tunnel_listen_addr: 127.0.0.1:3024
  public_addr: localhost:3080
`;

function program(tool: string, args: string[]): string[] {
  return ["run", "-A", "-q", `--config=${ROOT}/deno.json`, `${ROOT}/main.ts`, tool, ...args];
}

async function tctl(...args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: program("tctl", ["-c", CONFIG, ...args]),
    stderr: "inherit",
    stdout: "piped",
  });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`tctl ${args.join(" ")} failed`);
  return new TextDecoder().decode(stdout);
}

async function welcome(): Promise<void> {
  const user = Deno.env.get("USER") || Deno.env.get("LOGNAME") || (Deno.uid() === 0 ? "root" : "me");
  const users: unknown[] = JSON.parse(await tctl("users", "ls", "--format=json"));
  const node: { name: string }[] = JSON.parse(await tctl("nodes", "ls", "--format=json"));
  console.log(`\nThe cluster is up. Its log is ${DATA}/teleport.log; Ctrl-C stops it.\n`);
  if (users.length === 0) {
    const { url } = JSON.parse(await tctl("users", "add", user, user, "--format=json"));
    console.log(
      `Open this link to choose a password and set up your authenticator (valid for one hour):\n\n  ${url}\n`,
    );
  }
  console.log(
    "Then sign in at https://localhost:3080 (the certificate is self-signed), or in another terminal:\n",
  );
  console.log(`  ${task} tsh login --proxy=localhost --user=${user} --insecure`);
  console.log(`  ${task} tsh ssh ${user}@${node[0]?.name ?? Deno.hostname()}\n`);
}

await buildUi();
await Deno.mkdir(DATA, { recursive: true, mode: 0o700 });
if (!await exists(CONFIG)) await Deno.writeTextFile(CONFIG, CONFIGURATION, { mode: 0o600 });
await Deno.remove(`${DATA}/teleport/daemon.json`).catch((error) => {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
});
// Apart from the terminal: when that is closed, a daemon gets the signal that means "start anew" to it.
const daemon = new Deno.Command(Deno.execPath(), {
  args: program("teleport", ["start", "-c", CONFIG]),
  detached: true,
}).spawn();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => daemon.kill(signal === "SIGHUP" ? "SIGTERM" : signal));
}
let ended = false;
daemon.status.then(() => ended = true);
const up = await eventually(
  "the cluster to start",
  async () => ended || await exists(`${DATA}/teleport/daemon.json`),
  60_000,
);
if (up && !ended) await welcome();
Deno.exit((await daemon.status).code);
