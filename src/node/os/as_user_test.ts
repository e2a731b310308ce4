import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { asUser } from "./as_user.ts";
import { cString } from "./c_memory.ts";
import { libc, O_CLOEXEC, O_RDONLY } from "./libc.ts";
import { isRoot, withUser } from "./test_kit.ts";
import { currentUser, type OsUser } from "./user.ts";

/** What the kernel says of each thread of this process: its ids and groups. */
function threads(): string[] {
  return [...Deno.readDirSync("/proc/self/task")].map(({ name }) => {
    const status = Deno.readTextFileSync(`/proc/self/task/${name}/status`);
    return (status.match(/^(?:Uid|Gid|Groups|CapEff):.*$/gm) ?? []).join(" ").replace(/\s+/g, " ");
  });
}

function canRead(path: string): boolean {
  const fd = libc().open(cString(path), O_RDONLY | O_CLOEXEC, 0);
  if (fd >= 0) libc().close(fd);
  return fd >= 0;
}

Deno.test({
  name: "while a call runs as a user, this thread has his rights and none of root's; then all is as before",
  ignore: !isRoot,
  fn: () =>
    withUser(async (user) => {
      const directory = await Deno.makeTempDir();
      await Deno.chmod(directory, 0o755);
      const paths = { root: `${directory}/root`, group: `${directory}/group`, own: `${directory}/own` };
      for (const path of Object.values(paths)) await Deno.writeTextFile(path, "");
      await Deno.chown(paths.group, 0, user.groups.find((gid) => gid !== user.gid) ?? 0);
      await Deno.chmod(paths.group, 0o640);
      await Deno.chmod(paths.root, 0o600);
      await Deno.chown(paths.own, user.uid, user.gid);
      await Deno.chmod(paths.own, 0o600);
      const before = new Set(threads());
      const during = asUser(user, () => ({
        uid: libc().geteuid(),
        gid: libc().getegid(),
        root: canRead(paths.root),
        group: canRead(paths.group),
        own: canRead(paths.own),
        // The others keep what they had: exactly one differs.
        others: threads().filter((line) => !before.has(line)).length,
      }));
      assertEquals(during, {
        uid: user.uid,
        gid: user.gid,
        root: false,
        group: true,
        own: true,
        others: 1,
      });
      assertEquals(new Set(threads()), before);
      assertEquals(canRead(paths.root), true);
      await Deno.remove(directory, { recursive: true });
    }),
});

Deno.test({
  name: "a call that throws leaves this thread as it was",
  ignore: !isRoot,
  fn: () =>
    withUser((user) => {
      const before = new Set(threads());
      const fail = () => {
        throw new AppError("conflict", "in the middle");
      };
      assertThrows(() => asUser(user, fail), AppError, "in the middle");
      assertEquals(new Set(threads()), before);
      return Promise.resolve();
    }),
});

Deno.test({
  name:
    "while a call runs as a user, root's real and saved id keep that user from sending this process signals",
  ignore: !isRoot,
  fn: () =>
    withUser((user) => {
      const status = asUser(user, () => Deno.readTextFileSync("/proc/thread-self/status"));
      const [, real, effective, saved] = /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(status) ?? [];
      assertEquals([real, effective, saved], ["0", String(user.uid), "0"]);
      assertEquals(/^CapEff:\s+(\w+)/m.exec(status)?.[1], "0000000000000000");
      return Promise.resolve();
    }),
});

Deno.test({
  name: "an id that means 'unchanged' to the kernel is refused",
  ignore: !isRoot,
  fn() {
    const odd: OsUser = { ...currentUser(), name: "odd", uid: 0xffff_ffff, gid: 0xffff_ffff, groups: [] };
    let ran = false;
    assertThrows(() => asUser(odd, () => void (ran = true)), AppError);
    assertEquals(ran, false);
    assertEquals(libc().geteuid(), 0);
  },
});

Deno.test("one's own user needs no change", () => {
  const before = new Set(threads());
  asUser(currentUser(), () => assertEquals(new Set(threads()), before));
});

Deno.test({
  name: "who is not root can be nobody else",
  ignore: isRoot,
  fn() {
    const root: OsUser = { ...currentUser(), name: "root", uid: 0, gid: 0 };
    assertThrows(() => asUser(root, () => {}), AppError, "run it as root");
  },
});
