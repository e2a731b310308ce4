import { assertEquals, assertRejects } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { WorkPool } from "./work_pool.ts";

Deno.test("no more runs at once than there are places", async () => {
  const pool = new WorkPool(3);
  const started: number[] = [];
  const end: (() => void)[] = [];
  const adding = (async () => {
    const all: Promise<void>[] = [];
    for (let index = 0; index < 5; index++) {
      const { done } = await pool.start(() => {
        started.push(index);
        return new Promise<void>((resolve) => end.push(resolve));
      });
      all.push(done);
    }
    await Promise.all(all);
  })();
  const settled = () => new Promise<void>((resolve) => setTimeout(resolve));
  await settled();
  assertEquals(started, [0, 1, 2]);
  end[1]?.();
  await settled();
  assertEquals(started, [0, 1, 2, 3]);
  end[0]?.();
  end[2]?.();
  await settled();
  assertEquals(started, [0, 1, 2, 3, 4]);
  for (const finish of end) finish();
  await adding;
});

Deno.test("after a failure nothing starts any more, and everybody hears of it", async () => {
  const pool = new WorkPool(1);
  const failure = new AppError("closed", "gone");
  const { done } = await pool.start(() => Promise.reject(failure));
  await assertRejects(() => done, AppError, "gone");
  let ran = false;
  await assertRejects(
    () =>
      pool.start(() => {
        ran = true;
        return Promise.resolve();
      }),
    AppError,
    "gone",
  );
  assertEquals(ran, false);
});
