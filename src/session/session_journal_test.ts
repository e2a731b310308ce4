import { assertEquals } from "@std/assert";
import { diskFiles } from "../base/files.ts";
import type { EventFields } from "../model/event.ts";
import { adoptSessions, openJournal } from "./session_journal.ts";

const SIDS = ["0f2c7a52-7d3e-11f0-9c39-5f1f3d1b2a10", "0f2c7a52-7d3e-11f0-9c39-5f1f3d1b2a11"] as const;

async function settled(folder: string, count: number): Promise<void> {
  while ((await diskFiles.names(`${folder}/sessions`)).length !== count) await diskFiles.size(folder);
}

Deno.test("sessions that a run has left without an end are reported once, with what was known of them", async () => {
  const run = await Deno.makeTempDir({ prefix: "teleport-journal-" });
  try {
    const warnings: string[] = [];
    const journal = await openJournal(diskFiles, run, (text) => void warnings.push(text));
    for (const sid of SIDS) journal.begin(sid, { user: "joe", login: "root", "addr.remote": "192.0.2.7:5" });
    await settled(run, 2);
    journal.end(SIDS[0]);
    await settled(run, 1);
    const events: EventFields[] = [];
    await adoptSessions(diskFiles, run, (event) => void events.push(event));
    await adoptSessions(diskFiles, run, (event) => void events.push(event));
    assertEquals(events, [{
      event: "session.end",
      user: "joe",
      login: "root",
      "addr.remote": "192.0.2.7:5",
      sid: SIDS[1],
      interrupted: true,
      exitError: "the recording host stopped during the session",
    }]);
    assertEquals([warnings, await diskFiles.names(`${run}/sessions`)], [[], []]);
  } finally {
    await Deno.remove(run, { recursive: true });
  }
});

Deno.test("a session that ends at once leaves nothing, a note that was cut off still names its session", async () => {
  const run = await Deno.makeTempDir({ prefix: "teleport-journal-" });
  try {
    const journal = await openJournal(diskFiles, run, () => {});
    journal.begin(SIDS[0], { user: "joe" });
    journal.end(SIDS[0]);
    await Deno.writeTextFile(`${run}/sessions/${SIDS[1]}.json`, '{"user":"jo');
    await settled(run, 1);
    const events: EventFields[] = [];
    await adoptSessions(diskFiles, run, (event) => void events.push(event));
    assertEquals(events.map(({ sid, user }) => [sid, user]), [[SIDS[1], undefined]]);
  } finally {
    await Deno.remove(run, { recursive: true });
  }
});

Deno.test("a disk that takes nothing is told once and holds no session up", async () => {
  const run = await Deno.makeTempDir({ prefix: "teleport-journal-" });
  try {
    const told = Promise.withResolvers<string>();
    const journal = await openJournal(diskFiles, run, told.resolve);
    await Deno.remove(`${run}/sessions`);
    journal.begin(SIDS[0], { user: "joe" });
    assertEquals((await told.promise).startsWith("running sessions cannot be noted on disk"), true);
  } finally {
    await Deno.remove(run, { recursive: true });
  }
});
