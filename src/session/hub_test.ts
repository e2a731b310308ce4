import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { PassThrough } from "node:stream";
import { FakeClock } from "../../tests/kit/clock.ts";
import { eventually } from "../../tests/kit/run.ts";
import { AppError } from "../base/errors.ts";
import type { EventFields } from "../model/event.ts";
import { MAX_PARTIES, type PartyMode } from "../model/live_session.ts";
import type { WindowSize } from "../ssh/channel.ts";
import { Hub, LINGER_MS, type Party } from "./hub.ts";

const size = (columns: number, rows: number): WindowSize => ({ columns, rows, width: 0, height: 0 });
const bytes = (text: string) => new TextEncoder().encode(text);

/** What somebody sees. */
class Eyes {
  readonly output = new PassThrough();
  text = "";

  constructor() {
    this.output.on("data", (data) => this.text += data);
  }

  async sees(text: string): Promise<void> {
    while (!this.text.includes(text)) await new Promise((resolve) => this.output.once("data", resolve));
  }
}

class Setting {
  readonly clock = new FakeClock();
  readonly events: EventFields[] = [];
  readonly sizes: string[] = [];
  readonly owner = new Eyes();
  readonly hub: Hub;
  abandoned = 0;

  constructor(lingerMs = LINGER_MS) {
    this.hub = new Hub({
      clock: this.clock,
      lingerMs,
      owner: {
        user: "joe",
        mode: "peer",
        size: size(80, 24),
        output: this.owner.output,
        fields: { user: "joe" },
      },
      onSize: ({ columns, rows }) => void this.sizes.push(`${columns}x${rows}`),
      onEvent: (event) => void this.events.push(event),
      onChange: () => {},
      onAbandoned: () => void this.abandoned++,
    });
  }

  join(user: string, eyes: Eyes, mode: PartyMode = "peer", columns = 80, rows = 24): Party {
    return this.hub.join({ user, mode, size: size(columns, rows), output: eyes.output, fields: { user } });
  }
}

Deno.test("the smallest window of those who type rules, and grows back when it goes", () => {
  const setting = new Setting();
  const ann = setting.join("ann", new Eyes(), "peer", 100, 20);
  setting.join("bob", new Eyes(), "observer", 10, 5);
  ann.resize(size(60, 50));
  ann.resize(size(60, 60));
  setting.hub.owner.resize(size(50, 40));
  ann.leave();
  assertEquals(setting.sizes, ["80x20", "60x24", "50x40"]);
  assertEquals([setting.hub.size.columns, setting.hub.size.rows], [50, 40]);
  setting.hub.owner.leave();
  assertEquals(setting.sizes.length, 3, "whom only observers watch keeps its size");
});

Deno.test("who joins is shown the screen, then the output; everybody is told who is here", async () => {
  const setting = new Setting();
  setting.hub.show(bytes("\x1b[2J\x1b[3;3Hbefore"));
  const eyes = new Eyes();
  const ann = setting.join("ann", eyes);
  setting.hub.show(bytes("\r\nafter"));
  await eyes.sees("after");
  assertStringIncludes(eyes.text, "before");
  assertEquals(eyes.text.match(/after/g)?.length, 1, "nothing comes twice");
  setting.hub.show(bytes(" live"));
  await eyes.sees(" live");
  await setting.owner.sees("ann joined; here: joe, ann; 80x24");
  assertEquals(setting.owner.text.includes("after"), false, "the owner's output goes its own way");
  ann.leave();
  await setting.owner.sees("ann left; here: joe; 80x24");
  setting.hub.show(bytes("unseen"));
  assertEquals(eyes.text.includes("unseen"), false);
});

Deno.test("who reads nothing gets no more than a little, and the screen as it is later", async () => {
  const setting = new Setting();
  const eyes = new Eyes();
  setting.join("ann", eyes);
  await eyes.sees("ann joined");
  eyes.output.pause();
  for (let i = 0; i < 2000; i++) setting.hub.show(new Uint8Array(4096).fill(120));
  assertEquals(eyes.output.readableLength + eyes.output.writableLength < 256 * 1024, true);
  setting.hub.show(bytes("\x1b[2J\x1b[Hthe end"));
  eyes.text = "";
  eyes.output.resume();
  await eventually("the screen as it is", async () => {
    await setting.clock.advance(50);
    return eyes.text.includes("the end") || undefined;
  });
});

Deno.test("with nobody there a shell waits for a while, and whoever comes back in time finds it", async () => {
  const setting = new Setting();
  setting.hub.owner.leave();
  await setting.clock.advance(LINGER_MS - 1);
  assertEquals(setting.abandoned, 0);
  const ann = setting.join("ann", new Eyes());
  await setting.clock.advance(LINGER_MS * 2);
  assertEquals(setting.abandoned, 0);
  ann.leave();
  ann.leave();
  await setting.clock.advance(LINGER_MS);
  assertEquals(setting.abandoned, 1);
  const told = setting.events.map(({ event, user }) => `${event} ${user}`);
  assertEquals(told, ["session.leave joe", "session.join ann", "session.leave ann"]);
});

Deno.test("what must not wait ends at once, also when the wait has begun", async () => {
  const command = new Setting(0);
  command.hub.owner.leave();
  assertEquals(command.abandoned, 1);
  const shell = new Setting();
  shell.hub.owner.leave();
  shell.hub.hurry();
  await shell.clock.advance(LINGER_MS * 2);
  assertEquals(shell.abandoned, 1);
});

Deno.test("only so many take part, and nobody in what is over", () => {
  const setting = new Setting();
  for (let i = 1; i < MAX_PARTIES; i++) setting.join(`user${i}`, new Eyes(), "observer");
  assertThrows(() => setting.join("ann", new Eyes()), AppError, "take part in the session already");
  setting.hub.end();
  assertEquals(setting.events.filter(({ event }) => event === "session.leave").length, MAX_PARTIES);
  assertThrows(() => setting.join("ann", new Eyes()), AppError, "the session is over");
  setting.hub.owner.leave();
  assertEquals(setting.abandoned, 0);
});
