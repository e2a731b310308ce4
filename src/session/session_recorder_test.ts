import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "../../tests/kit/clock.ts";
import { AppError } from "../base/errors.ts";
import type { EventFields } from "../model/event.ts";
import type { RecordingMode } from "../model/recording_policy.ts";
import { Spool } from "./spool.ts";
import { FakeDisk } from "./testing/fake_disk.ts";
import { startRecorder } from "./session_recorder.ts";

const SID = "0f2c7a52-7d3e-11f0-9c39-5f1f3d1b2a10";
const output = new TextEncoder().encode("output");

class Setting implements AsyncDisposable {
  readonly disk = new FakeDisk();
  readonly events: EventFields[] = [];
  readonly ended: string[] = [];

  private constructor(readonly mode: RecordingMode, readonly spool: Spool) {}

  static async start(mode: RecordingMode, maxBytes?: number): Promise<Setting> {
    const disk = new FakeDisk();
    const spool = await Spool.open({
      directory: "spool",
      files: disk,
      clock: new FakeClock(),
      openUpload: () => new Promise(() => {}),
      warn: () => {},
      maxBytes,
    });
    return Object.assign(new Setting(mode, spool), { disk });
  }

  record() {
    const recording = () => ({ by: "node" as const, mode: this.mode, commands: false });
    return startRecorder(
      { recordsAs: "node", recording, spool: this.spool },
      SID,
      ({ message }) => void this.ended.push(message),
      (event) => void this.events.push(event),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.spool.close();
  }
}

Deno.test("a strict session ends when its recorder fails, and does not begin without one", async () => {
  await using setting = await Setting.start("strict");
  const recorder = await setting.record();
  setting.disk.space = 0;
  recorder?.print(output);
  await assertRejects(() => recorder?.end({}) ?? Promise.resolve(), AppError, "no space left");
  assertEquals(setting.ended.length, 1);
  assertEquals(setting.events, []);
  await using full = await Setting.start("strict", 0);
  await assertRejects(() => full.record(), AppError, "no session can be recorded");
});

Deno.test("a best-effort session goes on when its recorder fails, and one event tells of the gap", async () => {
  await using setting = await Setting.start("best_effort");
  const recorder = await setting.record();
  assert(recorder);
  recorder.print(output);
  setting.disk.space = 0;
  for (let i = 0; i < 100; i++) await recorder.print(output)?.catch(() => {});
  recorder.event({ event: "resize", size: "1:1" });
  await recorder.end({});
  assertEquals(setting.ended, []);
  assertEquals(setting.events.map(({ event, success }) => [event, success]), [["session.gap", false]]);
  await using full = await Setting.start("best_effort", 0);
  assertEquals(await full.record(), undefined);
  assertEquals(full.events.map(({ event }) => event), ["session.gap"]);
});
