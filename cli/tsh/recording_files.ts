/**
 * Recordings in local files: an asciicast, or the pair of files that the auth server keeps.
 * @module
 */
import { diskFiles } from "../../src/base/files.ts";
import { isUuid } from "../../src/model/name.ts";
import { readAsciicast } from "../../src/session/asciicast.ts";
import type { RecordingFrame } from "../../src/session/reader.ts";
import { CheckedRecording, type Verdict } from "../../src/api/checked_recording.ts";

/** What is played. */
export interface Recording {
  frames(): AsyncIterable<RecordingFrame>;
  verdict?(): Verdict;
}

/** @returns undefined when there is no such file */
export async function localRecording(path: string): Promise<Recording | undefined> {
  const base = path.replace(/\.session\.(?:bytes|log)$/, "");
  if (await diskFiles.size(`${base}.session.log`)) {
    const name = base.slice(base.lastIndexOf("/") + 1);
    const read = (part: "bytes" | "log", offset: number, length: number) =>
      diskFiles.read(`${base}.session.${part}`, offset, length);
    return new CheckedRecording({ read }, isUuid(name) ? name : "");
  }
  if (!(await diskFiles.size(path))) return undefined;
  return { frames: () => readAsciicast(textOf(path)) };
}

async function* textOf(path: string): AsyncGenerator<string> {
  const file = await Deno.open(path);
  yield* file.readable.pipeThrough(new TextDecoderStream());
}
