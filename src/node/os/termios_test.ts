import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { libc, O_CLOEXEC, O_RDONLY } from "./libc.ts";
import { cString } from "./c_memory.ts";
import { openPty } from "./pty.ts";
import { applyModes, echoIsOff } from "./termios.ts";
import { startOnPty } from "./test_kit.ts";
import { currentUser } from "./user.ts";

Deno.test("applied modes show in stty", async () => {
  const modes = new Map([
    [1, 0x18], // VINTR ^X
    [2, 255], // VQUIT none
    [42, 1], // IUTF8
    [38, 0], // IXON
    [53, 0], // ECHO
    [72, 0], // ONLCR
    [128, 38400],
    [129, 38400],
    [11, 5], // DSUSP: not on Linux
    [250, 1],
  ]);
  const { output } = startOnPty(currentUser(), "stty -a", modes);
  await output.ended;
  const words = output.text.split(/[\s;]+/);
  for (const word of ["iutf8", "-ixon", "-echo", "-onlcr", "icanon", "isig", "opost", "^X"]) {
    assertEquals(words.includes(word), true, `${word} in ${output.text}`);
  }
  assertEquals(/quit = <undef>/.test(output.text), true);
});

Deno.test("echoIsOff follows the terminal, seen from either end", () => {
  const { master, slave } = openPty();
  try {
    assertEquals(echoIsOff(master), false);
    applyModes(slave, new Map([[53, 0]]));
    assertEquals([echoIsOff(master), echoIsOff(slave)], [true, true]);
    applyModes(master, new Map([[53, 1]]));
    assertEquals([echoIsOff(master), echoIsOff(slave)], [false, false]);
  } finally {
    libc().close(master);
    libc().close(slave);
  }
});

Deno.test("what is no terminal has no modes", () => {
  const fd = libc().open(cString("/dev/null"), O_RDONLY | O_CLOEXEC, 0);
  try {
    assertEquals(echoIsOff(fd), false);
    assertThrows(() => applyModes(fd, new Map([[53, 0]])), AppError, "terminal modes");
  } finally {
    libc().close(fd);
  }
});
