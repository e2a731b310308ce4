import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "../base/errors.ts";
import { HOUR } from "../base/duration.ts";
import {
  beginRotation,
  describeRotation,
  dueStep,
  moveRotation,
  type Rotation,
  ROTATION_PHASES,
  type RotationPhase,
} from "./rotation.ts";

const begin = (kind: "user" | "host", graceMs = 3 * HOUR) =>
  beginRotation(kind, undefined, { mode: "auto", graceMs, now: 0 });

Deno.test("an automatic rotation goes through its phases at a third, two thirds and the end of the grace period", () => {
  const wanted = {
    user: ["init old,new", "update_clients new,old", "update_servers new,old", "over new"],
    host: ["init old,new", "update_clients old,new", "update_servers new,old", "over new"],
  };
  for (const kind of ["user", "host"] as const) {
    const first = begin(kind);
    const seen = [`${first.rotation?.phase} ${first.keys}`];
    let rotation = first.rotation;
    for (let now = 0; now <= 3 * HOUR; now += HOUR / 2) {
      const step = dueStep(kind, rotation, now);
      if (!step) continue;
      assertEquals(now % HOUR, 0, `${now}`);
      rotation = step.rotation;
      seen.push(`${rotation?.phase ?? "over"} ${step.keys}`);
    }
    assertEquals(seen, wanted[kind]);
  }
});

Deno.test("after a long sleep the phases follow one by one", () => {
  let rotation = begin("user").rotation;
  const phases: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    const step = dueStep("user", rotation, 100 * HOUR);
    phases.push(step?.rotation?.phase ?? (step ? "over" : "nothing"));
    rotation = step?.rotation;
  }
  assertEquals(phases, ["update_clients", "update_servers", "over", "nothing"]);
});

Deno.test("without a grace period the old key goes at once", () => {
  assertEquals(begin("host", 0), { rotation: undefined, keys: "new", makesKey: true });
});

Deno.test("by hand a phase follows only those it may, and nothing goes on by itself", () => {
  const allowed: [RotationPhase, RotationPhase][] = [
    ["standby", "init"],
    ["standby", "update_clients"],
    ["init", "update_clients"],
    ["init", "rollback"],
    ["update_clients", "update_servers"],
    ["update_clients", "rollback"],
    ["update_servers", "standby"],
    ["update_servers", "rollback"],
    ["rollback", "standby"],
  ];
  for (const from of ROTATION_PHASES) {
    for (const to of ROTATION_PHASES) {
      const current: Rotation | undefined = from === "standby"
        ? undefined
        : { phase: from, mode: "auto", started: 0, ends: HOUR };
      const move = () => moveRotation("user", current, to, 0);
      if (allowed.some(([a, b]) => a === from && b === to)) {
        const { rotation } = move();
        assertEquals(rotation?.phase ?? "standby", to);
        assertEquals([rotation?.mode ?? "manual", dueStep("user", rotation, 99 * HOUR)], [
          "manual",
          undefined,
        ]);
      } else assertThrows(move, AppError, `current phase is ${from}`);
    }
  }
});

Deno.test("a rollback keeps the old key alone in the end, a finished rotation the new one", () => {
  const at = (phase: RotationPhase): Rotation => ({ phase, mode: "manual", started: 0 });
  assertEquals(moveRotation("host", at("update_servers"), "rollback", 0).keys, "old,new");
  assertEquals(moveRotation("host", at("rollback"), "standby", 0).keys, "old");
  assertEquals(moveRotation("host", at("update_servers"), "standby", 0).keys, "new");
});

Deno.test("two rotations at once are refused with what to do", () => {
  const { rotation } = begin("user");
  const again = () => beginRotation("user", rotation, { mode: "auto", graceMs: HOUR, now: 1 });
  assertThrows(again, AppError, "is being rotated already (phase init)");
});

Deno.test("the state is told in words", () => {
  const time = (ms: number) => `t${ms}`;
  assertEquals(describeRotation(undefined, undefined, time), "never updated");
  assertEquals(describeRotation(undefined, 5, time), "rotated t5");
  assertEquals(
    describeRotation({ phase: "update_servers", mode: "auto", started: 1, ends: 9 }, 5, time),
    "rotating servers (mode: auto, started: t1, ending: t9)",
  );
  assertEquals(
    describeRotation({ phase: "rollback", mode: "manual", started: 1 }, 5, time),
    "rolling back (mode: manual, started: t1)",
  );
});
