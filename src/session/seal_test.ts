import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "../../tests/kit/clock.ts";
import { certify } from "../../tests/kit/ssh_keys.ts";
import { AppError } from "../base/errors.ts";
import { generateKey } from "../ssh/private_key.ts";
import { readRecording } from "./reader.ts";
import { Recorder } from "./recorder.ts";
import { partName, type RecordingPart } from "./recording_format.ts";
import { repairRecording } from "./repair.ts";
import { SealCheck, type Sealer, type SealVerdict } from "./seal.ts";
import { FakeDisk } from "./testing/fake_disk.ts";

const SID = "0f2c7a52-7d3e-11f0-9c39-5f1f3d1b2a10";
const NAMES = { bytes: `spool/${partName(SID, "bytes")}`, log: `spool/${partName(SID, "log")}` };
const encode = (text: string) => new TextEncoder().encode(text);
const key = generateKey();
const host: Sealer = { key, certificate: certify(generateKey(), "host", key, ["luna"]) };

interface Recorded {
  bytes: Uint8Array;
  log: Uint8Array;
}

async function recorded(sealer: Sealer | "none" = host): Promise<Recorded> {
  const files = new FakeDisk();
  const clock = new FakeClock();
  const recorder = await Recorder.open({
    directory: "spool",
    sid: SID,
    files,
    clock,
    sealer: sealer === "none" ? undefined : () => sealer,
    onFailure: () => {},
  });
  await recorder.event({ event: "session.start", sid: SID, user: "joe", size: "80:25" });
  for (const text of ["one ", "t", "three"]) {
    await recorder.print(encode(text));
    await clock.advance(40);
  }
  await recorder.event({ event: "resize", size: "90:25" });
  await recorder.print(encode(" four"));
  await recorder.end({ sid: SID });
  return { bytes: files.files.get(NAMES.bytes) ?? encode(""), log: files.files.get(NAMES.log) ?? encode("") };
}

async function checked(
  { bytes, log }: Recorded,
  sid = SID,
): Promise<{ shown: string; verdict: SealVerdict }> {
  const check = new SealCheck(sid);
  const files = { bytes, log };
  const read = (part: RecordingPart, offset: number, length: number) =>
    Promise.resolve(files[part].slice(offset, offset + length));
  let shown = "";
  for await (const frame of readRecording({ read }, check)) {
    if ("data" in frame) shown += new TextDecoder().decode(frame.data);
  }
  return { shown, verdict: check.verdict };
}

const lines = (log: Uint8Array) => new TextDecoder().decode(log).trimEnd().split("\n");
const logOf = (kept: string[]) => encode(kept.map((line) => `${line}\n`).join(""));

Deno.test("a recording as it was made is signed by its host", async () => {
  const { shown, verdict } = await checked(await recorded());
  assertEquals([shown, verdict.state], ["one tthree four", "signed"]);
  assert(verdict.signer?.certificate.key.equals(key.publicKey));
});

Deno.test("any byte of the output that is changed is named by its place", async () => {
  const { bytes, log } = await recorded();
  const places = ["bytes 0 to 3", "byte 4", "bytes 5 to 9", "bytes 10 to 14"];
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    const place = places[at < 4 ? 0 : at < 5 ? 1 : at < 10 ? 2 : 3] ?? "";
    const error = await assertRejects(() => checked({ bytes: changed, log }), AppError, place);
    assertEquals(error.code, "bad_input");
  }
});

Deno.test("any byte of the log that is changed is found", async () => {
  const { bytes, log } = await recorded();
  for (let at = 0; at < log.length; at++) {
    for (const bit of [1, 32]) {
      const changed = log.slice();
      changed[at] = (changed[at] ?? 0) ^ bit;
      const result = await checked({ bytes, log: changed }).catch((error) => error);
      // A last line without an end is as a crash leaves it, and then nothing is signed; a first line that says nothing
      // of seals is as older versions wrote it.
      if (result instanceof AppError) assertEquals(result.code, "bad_input");
      else assert(result.verdict.state !== "signed", `bit ${bit} of byte ${at}`);
    }
  }
});

Deno.test("lines that are gone, double or exchanged are found", async () => {
  const { bytes, log } = await recorded();
  const all = lines(log);
  for (let at = 0; at < all.length; at++) {
    for (const other of [all.toSpliced(at, 1), all.toSpliced(at, 0, all[at] ?? "")]) {
      const result = await checked({ bytes, log: logOf(other) }).catch((error) => error);
      if (!(result instanceof AppError)) assertEquals([at, result.verdict.state], [all.length - 1, "open"]);
    }
  }
});

Deno.test("a recording is not another session's, and nobody else signs it", async () => {
  const whole = await recorded();
  const other = "11111111-7d3e-11f0-9c39-5f1f3d1b2a10";
  await assertRejects(() => checked(whole, other), AppError, "is not its host's");
  const forged = await recorded({ ...host, key: generateKey() });
  await assertRejects(() => checked(forged), AppError, "is not its host's");
});

Deno.test("what no seal was made for plays, and is not called signed", async () => {
  const { bytes, log } = await recorded("none");
  assertEquals(await checked({ bytes, log }), { shown: "one tthree four", verdict: { state: "none" } });
  const stripped = lines((await recorded()).log).map((line) => line.replace(/,"sum":"[^"]*"/, ""));
  assertEquals((await checked({ bytes, log: logOf(stripped) })).verdict.state, "none");
});

Deno.test("wherever a crash cut a sealed recording, its repair goes on with the chain and signs", async () => {
  const { bytes, log } = await recorded();
  for (let cut = 0; cut <= bytes.length; cut++) {
    for (let logCut = 0; logCut <= log.length; logCut += 7) {
      const files = new FakeDisk();
      files.files.set(NAMES.bytes, bytes.slice(0, cut)).set(NAMES.log, log.slice(0, logCut));
      await repairRecording({
        files,
        directory: "spool",
        sid: SID,
        reason: "crash",
        now: 0,
        sealer: () => host,
      });
      const after = { bytes: files.files.get(NAMES.bytes) ?? bytes, log: files.files.get(NAMES.log) ?? log };
      const { shown, verdict } = await checked(after);
      assertEquals([shown, verdict.state], [new TextDecoder().decode(bytes.slice(0, cut)), "signed"]);
    }
  }
});
