import { assertEquals } from "@std/assert";
import { type PlayerControls, pressKeys } from "./player_keys.ts";
import { PlayerStatus, statusText } from "./player_status.ts";

class Spy implements PlayerControls {
  did: string[] = [];
  paused = false;
  speed = 1;
  skipIdle = false;
  position = 0;
  play = () => void this.did.push("play");
  pause = () => void this.did.push("pause");
  seek = (ms: number) => void this.did.push(`seek ${ms}`);
  setSpeed = (speed: number) => void this.did.push(`speed ${speed}`);
  setSkipIdle = (skip: boolean) => void this.did.push(`skip ${skip}`);
  quit = () => void this.did.push("quit");
}

Deno.test("keys steer the player, also several at once, and others do nothing", () => {
  const pressed = (keys: string) => {
    const spy = new Spy();
    const meant = pressKeys(keys, spy);
    assertEquals(meant, spy.did.length > 0);
    return spy.did;
  };
  assertEquals(pressed(" "), ["pause"]);
  assertEquals(pressed("\x1b[C\x1b[D\x1bOC"), ["seek 10000", "seek -10000", "seek 10000"]);
  assertEquals(pressed("+>\x1b[A"), ["speed 2", "speed 2", "speed 2"]);
  assertEquals(pressed("-<\x1b[B"), ["speed 0.5", "speed 0.5", "speed 0.5"]);
  assertEquals([pressed("i"), pressed("q"), pressed("\x03")], [["skip true"], ["quit"], ["quit"]]);
  assertEquals(pressed("x\x1b[5~Zé"), []);
});

Deno.test("the status tells time, speed and what else is not as usual", () => {
  const player = new Spy();
  assertEquals(statusText(player), "00:00");
  Object.assign(player, { position: 3_725_000, speed: 0.5, paused: true, skipIdle: true });
  assertEquals(statusText(player), "1:02:05  x0.5  paused  idle time is skipped");
});

Deno.test("the status line is drawn where the recording leaves room, and while it pauses", () => {
  let written = "";
  const status = new PlayerStatus({ rows: () => 24, write: (text) => written += text });
  const player = new Spy();
  const shown = () => {
    written = "";
    status.show(player);
    return written.includes("\x1b[24;1H\x1b[7m");
  };
  status.recordedRows = 24;
  assertEquals(shown(), false);
  assertEquals(written, "\x1b]0;00:00\x07");
  player.paused = true;
  assertEquals(shown(), true);
  player.paused = false;
  assertEquals(shown(), false);
  assertEquals(written.endsWith("\x1b7\x1b[24;1H\x1b[K\x1b8"), true, "it is taken away");
  status.recordedRows = 20;
  assertEquals(shown(), true);
});
