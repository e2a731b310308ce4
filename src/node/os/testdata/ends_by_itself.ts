/**
 * A program that starts another and, once that has ended, has nothing left to wait for.
 * @module
 */
import { launchOnPty } from "../launch.ts";
import { currentUser } from "../user.ts";

const size = { term: "xterm", cols: 80, rows: 24 };
const child = launchOnPty({
  user: currentUser(),
  path: "/bin/echo",
  argv: ["echo", "done"],
  env: {},
  ...size,
});
child.terminal.on("data", (chunk) => console.log(String(chunk).trim()));
