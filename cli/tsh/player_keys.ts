/**
 * The keys of `tsh play`.
 * @module
 */

/** What keys steer. */
export interface PlayerControls {
  readonly paused: boolean;
  readonly speed: number;
  readonly skipIdle: boolean;
  play(): void;
  pause(): void;
  seek(ms: number): void;
  setSpeed(speed: number): void;
  setSkipIdle(skip: boolean): void;
  quit(): void;
}

const SEEK_MS = 10_000;
// deno-lint-ignore no-control-regex
const KEYS = /\x1b\[[\d;]*[A-Za-z]|\x1bO[A-Z]|[^]/g;

/** Does what the pressed keys mean. @returns whether any of them meant something */
export function pressKeys(text: string, player: PlayerControls): boolean {
  let meant = false;
  for (const [key] of text.matchAll(KEYS)) {
    const action = ACTIONS[key];
    action?.(player);
    meant ||= action !== undefined;
  }
  return meant;
}

type Action = (player: PlayerControls) => void;

const forward: Action = (player) => player.seek(SEEK_MS);
const backward: Action = (player) => player.seek(-SEEK_MS);
const faster: Action = (player) => player.setSpeed(player.speed * 2);
const slower: Action = (player) => player.setSpeed(player.speed / 2);
const skip: Action = (player) => player.setSkipIdle(!player.skipIdle);
const quit: Action = (player) => player.quit();

const ACTIONS: Readonly<Record<string, Action | undefined>> = {
  " ": (player) => player.paused ? player.play() : player.pause(),
  "\x1b[C": forward,
  "\x1bOC": forward,
  "\x1b[D": backward,
  "\x1bOD": backward,
  "\x1b[A": faster,
  "\x1bOA": faster,
  "+": faster,
  ">": faster,
  "\x1b[B": slower,
  "\x1bOB": slower,
  "-": slower,
  "<": slower,
  "i": skip,
  "s": skip,
  "q": quit,
  "\x03": quit,
};
