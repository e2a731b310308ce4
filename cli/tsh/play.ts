/**
 * `tsh play`: replays a recorded session in this terminal, out of the cluster or out of a file. Space pauses, left and
 * right seek ten seconds, up and down (or + and -) change the speed, i skips idle time, q quits.
 * @module
 */
import { every, systemClock } from "../../src/base/clock.ts";
import { AppError } from "../../src/base/errors.ts";
import { isUuid } from "../../src/model/name.ts";
import { Player } from "../../src/session/player.ts";
import { printBytes, printError } from "../program.ts";
import { CheckedRecording, remoteRecording } from "../../src/api/checked_recording.ts";
import { Cluster } from "./cluster.ts";
import { ensureLogin } from "./login.ts";
import type { TshOptions } from "./options.ts";
import { pressKeys } from "./player_keys.ts";
import { PlayerStatus } from "./player_status.ts";
import { localRecording, type Recording } from "./recording_files.ts";

export interface PlayOptions extends TshOptions {
  speed?: string;
  skipIdle?: boolean;
  raw?: boolean;
}

const CLEAR = new TextEncoder().encode("\x1bc");
/** What a recording that is left in the middle may have set: another screen, mouse, no cursor. */
const AS_BEFORE = "\x1b[!p\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?25h";
const STATUS_MS = 250;

export async function playCommand(name: string, options: PlayOptions): Promise<void> {
  const speed = speedOf(options.speed);
  if (!isUuid(name)) {
    const file = await localRecording(name);
    if (file) return await show(file, options, speed);
    throw new AppError(
      "bad_input",
      `'${name}' is not a valid session ID (must be GUID), and there is no such file`,
    );
  }
  const login = await ensureLogin(options);
  const cluster = await Cluster.connect(login);
  try {
    const { api } = await cluster.api();
    const checked = new CheckedRecording(remoteRecording(api, name), name, await cluster.trust());
    await show(checked, options, speed);
  } finally {
    cluster.close();
  }
}

function speedOf(text: string | undefined): number {
  const speed = Number(text ?? 1);
  if (speed > 0 && Number.isFinite(speed)) return speed;
  throw new AppError("bad_input", `--speed is a number from 0.25 to 16, not "${text}"`);
}

async function show(recording: Recording, options: PlayOptions, speed: number): Promise<void> {
  if (options.raw) return await dump(recording);
  await play(recording, options, speed);
}

/** The session's bytes, without its pace. */
async function dump(recording: Recording): Promise<void> {
  for await (const frame of recording.frames()) {
    if ("data" in frame) await printBytes(frame.data);
  }
  const verdict = recording.verdict?.();
  if (verdict && !verdict.sound) printError(`this recording: ${verdict.text}\n`);
}

async function play(recording: Recording, { skipIdle }: PlayOptions, speed: number): Promise<void> {
  const interactive = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  const status = new PlayerStatus({
    rows: () => Deno.consoleSize().rows,
    write: (text) => printError(text),
  });
  const player = new Player({
    open: () => recording.frames(),
    clock: systemClock,
    speed,
    skipIdle,
    sink: {
      write: printBytes,
      resize: ({ rows }) => void (status.recordedRows = rows),
      clear: () => void printBytes(CLEAR),
    },
  });
  let how: "ended" | "quit";
  if (!interactive) how = await player.done;
  else {
    Deno.stdin.setRaw(true);
    const showing = every(systemClock, STATUS_MS, () => status.show(player));
    void control(player, status);
    try {
      how = await player.done;
    } finally {
      showing.cancel();
      status.clear();
      printError(AS_BEFORE);
      Deno.stdin.setRaw(false);
    }
  }
  const verdict = how === "ended" ? recording.verdict?.() : undefined;
  printError(`\x1b[0m\r\nend of session${verdict ? ` (${verdict.text})` : ""}\r\n`);
}

async function control(player: Player, status: PlayerStatus): Promise<void> {
  for await (const chunk of Deno.stdin.readable) {
    if (pressKeys(new TextDecoder().decode(chunk), player)) status.show(player);
  }
}
