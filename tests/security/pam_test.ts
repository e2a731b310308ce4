/**
 * Modules of PAM that hang, as when the directory server that they ask is away.
 */
import { assertEquals, assertRejects } from "@std/assert";
import { PassThrough } from "node:stream";
import { MINUTE } from "../../src/base/duration.ts";
import { AppError } from "../../src/base/errors.ts";
import type { UserIdentity } from "../../src/model/identity.ts";
import { launchOnPty, launchPiped } from "../../src/node/os/launch.ts";
import { currentUser } from "../../src/node/os/user.ts";
import { whenOpened } from "../../src/node/pam/opened.ts";
import { Pam } from "../../src/node/pam/pam.ts";
import type { ServerConnection } from "../../src/ssh/server.ts";
import { FakeClock } from "../kit/clock.ts";

/** Stands for the process that holds a PAM session, and never comes to report. */
const HANGING = { path: "/bin/sh", argv: ["sh", "-c", "exec sleep 600"], env: {} };

Deno.test("a PAM module that hangs ends the attempt and its process, also when the client waits on", async (t) => {
  const user = currentUser();
  const connection = {
    remote: { address: "192.0.2.1", port: 1 },
    closed: new Promise<void>(() => {}),
  } as unknown as ServerConnection<UserIdentity>;
  const never = new Promise<void>(() => {});
  for (const terminal of [true, false]) {
    await t.step(terminal ? "on a terminal" : "on pipes", async () => {
      const clock = new FakeClock();
      const refused: string[] = [];
      const pam = new Pam({
        service: "any",
        program: HANGING,
        clock,
        onRefused: (_connection, reason) => refused.push(reason),
      });
      const options = {
        user,
        path: "/bin/true",
        argv: ["true"],
        env: {},
        inside: pam.opener(connection, user),
      };
      const child = terminal
        ? launchOnPty({ ...options, cols: 80, rows: 24, term: "xterm" })
        : launchPiped(options);
      const said = "terminal" in child ? child.terminal : child.stderr;
      if ("stdout" in child) child.stdout.resume();
      const to = new PassThrough();
      const opened = assertRejects(() => whenOpened(child, said, to, never), AppError, "has not answered");
      await clock.advance(2 * MINUTE);
      await opened;
      assertEquals(refused.length, 1);
      assertEquals((await child.exit).signal, "HUP");
      to.destroy();
    });
  }
});
