/**
 * A Worker without any permission but ffi that starts one program on a terminal and one with pipes, and tells the ends.
 * @module
 */
import { launchOnPty, launchPiped } from "../launch.ts";
import { loginEnvironment } from "../shell.ts";
import { currentUser } from "../user.ts";

const user = currentUser();
const env = loginEnvironment(user);
const script = 'read line; echo "got $line"; exit 5';
const common = { user, path: "/bin/sh", argv: ["sh", "-c", script], env };

async function run(child: ReturnType<typeof launchPiped>): Promise<unknown> {
  let output = "";
  child.stdout.on("data", (chunk) => output += chunk);
  child.stderr.resume();
  const ended = new Promise((resolve) => child.stdout.on("end", resolve));
  child.stdin.write("piped\n");
  const [exit] = await Promise.all([child.exit, ended]);
  return { exit, output };
}

async function runOnPty(child: ReturnType<typeof launchOnPty>): Promise<unknown> {
  let output = "";
  child.terminal.on("data", (chunk) => output += chunk);
  const ended = new Promise((resolve) => child.terminal.on("end", resolve));
  child.terminal.write("typed\r");
  const [exit] = await Promise.all([child.exit, ended]);
  return { exit, output };
}

const noEcho = new Map([[53, 0]]);
self.postMessage({
  piped: await run(launchPiped(common)),
  pty: await runOnPty(launchOnPty({ ...common, term: "xterm", cols: 80, rows: 24, modes: noEcho })),
});
self.close();
