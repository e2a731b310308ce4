import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { FakeClock } from "../../../tests/kit/clock.ts";
import { systemClock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import type { PipedChild } from "../os/launch.ts";
import { loginEnvironment } from "../os/shell.ts";
import { currentUser } from "../os/user.ts";
import { expandWords } from "./expand_words.ts";

// A shell that every system has, without start files.
const user = { ...currentUser(), shell: "/bin/sh" };
const decoder = new TextDecoder();

function expand(text: string, clock = systemClock, onRunning: (shell: PipedChild) => void = () => {}) {
  const env = { ...loginEnvironment(user), NAME: "a b", PATH: "/usr/bin:/bin" };
  return expandWords({ user, env, text }, clock, onRunning);
}

Deno.test("words are what the shell makes of them", async () => {
  assertEquals(await expand(" -t /tmp"), { words: ["-t", "/tmp"] });
  assertEquals(await expand(` 'a  b' "c$NAME" d\\ e ~ $NAME`), {
    words: ["a  b", "ca b", "d e", user.home, "a", "b"],
  });
  assertEquals(await expand(" /etc/pass[w]d /nothing/*"), { words: ["/etc/passwd", "/nothing/*"] });
  assertEquals(await expand(" ''"), { words: [""] });
  assertEquals(await expand(""), { words: [] });
});

Deno.test("a byte that is no text stays that byte", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await new Deno.Command("sh", { args: ["-c", `: > ${directory}/$(printf '\\377x')`] }).output();
    assertEquals(await expand(` ${directory}/*`), { words: [`${directory}/\xffx`] });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("what the shell prints before does not matter", async () => {
  const noisy = { ...user, shell: "/bin/sh" };
  const env = { ...loginEnvironment(noisy) };
  const expansion = await expandWords({ user: noisy, env, text: " a" }, systemClock, (shell) => {
    shell.stdout.unshift?.(new TextEncoder().encode("Welcome!\0\n"));
  });
  assertEquals(expansion, { words: ["a"] });
});

Deno.test("a shell that refuses is told with its words and its status", async () => {
  const expansion = await expand(" ${unset:?is not set}");
  assert("status" in expansion);
  assertEquals(expansion.status, { code: 2 });
  assertStringIncludes(decoder.decode(expansion.messages), "is not set");
  const missing = await expandWords(
    { user: { ...user, shell: "/nonexistent/shell" }, env: {}, text: " a" },
    systemClock,
    () => {},
  );
  assert("status" in missing);
  assertEquals(missing.status, { code: 127 });
});

Deno.test("more words than a command line could hold are refused", async () => {
  const directory = await Deno.makeTempDir();
  try {
    for (let index = 0; index < 200; index++) {
      await Deno.writeTextFile(`${directory}/${index}${"x".repeat(200)}`, "");
    }
    await assertRejects(() => expand(` ${directory}/*`.repeat(60)), AppError, "too many");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a shell that does not come to an end is ended", async () => {
  const clock = new FakeClock();
  const started = Promise.withResolvers<void>();
  // Only this test gets a substitution so far: it takes for ever.
  const expanding = expand(" $(sleep 1000)", clock, () => started.resolve());
  await started.promise;
  await clock.advance(20_000);
  await assertRejects(() => expanding, AppError, "took too long");
});
