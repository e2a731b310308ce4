/**
 * `tsh play`: replays a recorded session in this terminal. Space pauses, the arrows seek and change the speed, s skips
 * idle time, q quits.
 * @module
 */
import { Buffer } from "node:buffer";
import { systemClock } from "../../src/base/clock.ts";
import { AppError } from "../../src/base/errors.ts";
import { writeAll } from "../../src/base/files.ts";
import { isUuid } from "../../src/model/name.ts";
import { Player } from "../../src/session/player.ts";
import { readRecording, type RecordingSource } from "../../src/session/reader.ts";
import { printError } from "../program.ts";
import { Cluster } from "./cluster.ts";
import { ensureLogin } from "./login.ts";
import type { TshOptions } from "./options.ts";

export interface PlayOptions extends TshOptions {
  speed?: string;
  skipIdle?: boolean;
  raw?: boolean;
}

const SEEK_MS = 5000;
const CLEAR = new TextEncoder().encode("\x1bc");

export async function playCommand(sid: string, options: PlayOptions): Promise<void> {
  if (!isUuid(sid)) {
    throw new AppError(
      "bad_input",
      `"${sid}" is not a session id: it must be a uuid, as the audit log has it`,
    );
  }
  const cluster = await Cluster.connect(await ensureLogin(options));
  try {
    const { api } = await cluster.api();
    const source: RecordingSource = {
      async read(part, offset, length) {
        const { data } = await api.call("recordings.read", { sid, part, offset, length });
        return Buffer.from(data, "base64");
      },
    };
    if (options.raw) return await dump(source);
    await play(source, options);
  } finally {
    cluster.close();
  }
}

const stdout = (data: Uint8Array) => writeAll(Deno.stdout, data);

/** The session's bytes, without its pace. */
async function dump(source: RecordingSource): Promise<void> {
  for await (const frame of readRecording(source)) {
    if ("data" in frame) await stdout(frame.data);
  }
}

async function play(source: RecordingSource, options: PlayOptions): Promise<void> {
  const player = new Player({
    open: () => readRecording(source),
    clock: systemClock,
    speed: options.speed === undefined ? 1 : Number(options.speed) || 1,
    skipIdle: options.skipIdle,
    sink: { write: stdout, clear: () => void stdout(CLEAR) },
  });
  const interactive = Deno.stdin.isTerminal();
  if (interactive) {
    Deno.stdin.setRaw(true);
    void control(player);
  }
  try {
    await player.done;
  } finally {
    if (interactive) Deno.stdin.setRaw(false);
  }
  printError(`\r\nend of session\r\n`);
}

/** Key presses to the player's methods. */
async function control(player: Player): Promise<void> {
  for await (const chunk of Deno.stdin.readable) {
    const key = new TextDecoder().decode(chunk);
    if (key === "q" || key === "\x03") return player.quit();
    if (key === " ") player.paused ? player.play() : player.pause();
    else if (key === "\x1b[C") player.seek(SEEK_MS);
    else if (key === "\x1b[D") player.seek(-SEEK_MS);
    else if (key === "\x1b[A") player.setSpeed(player.speed * 2);
    else if (key === "\x1b[B") player.setSpeed(player.speed / 2);
    else if (key === "s") player.setSkipIdle(!player.skipIdle);
  }
}
