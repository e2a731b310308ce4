/**
 * The player: the screen of a recording, and what moves through it.
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { recordedBytes, type SessionRef } from "../api.ts";
import { useCell } from "../cell.ts";
import { Icon } from "../components/icon.tsx";
import { complain } from "../components/toasts.tsx";
import { isTyping } from "../components/search_field.tsx";
import { setQuery } from "../router.ts";
import { sentence } from "../failure.ts";
import type { Screen } from "../terminal/screen.ts";
import { ByteSource } from "./byte_source.ts";
import { PlayerControls } from "./player_controls.tsx";
import { Playback } from "./playback.ts";
import type { Timeline } from "./timeline.ts";

export interface PlayerViewProps {
  session: SessionRef;
  timeline: Timeline;
  /** Where to begin, in milliseconds. */
  at: number;
}

const SEEK_MS = 5000;
const FONT = { least: 5, most: 18 };

export function PlayerView({ session, timeline, at }: PlayerViewProps) {
  const stage = useRef<HTMLDivElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const [playback, setPlayback] = useState<Playback>();

  useEffect(() => {
    const gone = new AbortController();
    start(session, timeline, at, stage, place, gone.signal).then(
      (started) => gone.signal.aborted || setPlayback(started),
      (error: unknown) => gone.signal.aborted || complain(error),
    );
    return () => gone.abort();
  }, [session]);

  useEffect(() => {
    if (!playback) return;
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const { target } = event;
      const onControl = target instanceof Element && target.closest("button, a, [popover]") !== null;
      const onBar = target instanceof HTMLInputElement && target.type === "range";
      if (isTyping(target) && !onBar) return;
      if (onControl && event.key === " ") return;
      if (obey(playback, event.key)) event.preventDefault();
    };
    // A link to this place of the recording is in the address bar whenever it stands still.
    const keepAddress = () => {
      if (!playback.playing.value) setQuery("t", String(Math.round(playback.time.value / 100) / 10));
    };
    document.addEventListener("keydown", pressed);
    const unwatch = playback.playing.watch(keepAddress);
    return () => {
      document.removeEventListener("keydown", pressed);
      unwatch();
    };
  }, [playback]);

  return (
    <div class="player" role="region" aria-label="Player">
      <div class="stage" ref={stage}>
        <div class="screen" ref={place} aria-label="The recorded screen" />
        {playback && <StageOverlay playback={playback} />}
      </div>
      {playback && <PlayerControls session={session} playback={playback} timeline={timeline} />}
    </div>
  );
}

/** @returns whether the key means something */
function obey(playback: Playback, key: string): boolean {
  switch (key) {
    case " ":
    case "k":
      playback.toggle();
      return true;
    case "ArrowLeft":
      playback.seek(playback.time.value - SEEK_MS);
      return true;
    case "ArrowRight":
      playback.seek(playback.time.value + SEEK_MS);
      return true;
    case "<":
    case ",":
      playback.changeSpeed(-1);
      return true;
    case ">":
    case ".":
      playback.changeSpeed(1);
      return true;
    case "Home":
      playback.seek(0);
      return true;
    case "End":
      playback.seek(Infinity);
      return true;
  }
  return false;
}

async function start(
  session: SessionRef,
  timeline: Timeline,
  at: number,
  stage: { current: HTMLDivElement | null },
  place: { current: HTMLDivElement | null },
  gone: AbortSignal,
): Promise<Playback | undefined> {
  const { Screen } = await import("../terminal/screen.ts");
  if (gone.aborted || !place.current || !stage.current) return undefined;
  const screen = new Screen(place.current, { readOnly: true, label: "The recorded screen", scrollback: 0 });
  const source = new ByteSource(
    (offset, bytes) => recordedBytes(session, offset, bytes, gone),
    timeline.bytes,
  );
  const fit = () => fitFont(screen, stage.current, place.current);
  const playback = new Playback(timeline, source, {
    write: (bytes, drawn) => screen.write(bytes, drawn),
    reset: () => screen.reset(),
    snapshot: () => screen.snapshot(),
    resize(size) {
      screen.resize(size);
      fit();
    },
    get size() {
      return screen.size;
    },
  });
  const watcher = new ResizeObserver(fit);
  watcher.observe(stage.current);
  gone.addEventListener("abort", () => {
    watcher.disconnect();
    playback.close();
    screen.dispose();
  }, { once: true });
  if (at > 0) playback.seek(at);
  return playback;
}

/** As large as fits. */
function fitFont(screen: Screen, stage: HTMLElement | null, place: HTMLElement | null): void {
  const drawn = place?.querySelector<HTMLElement>(".xterm-screen");
  if (!stage || !drawn || drawn.offsetWidth === 0 || drawn.offsetHeight === 0) return;
  const { w, h } = screen.size;
  // Cells grow with the type; their width and height at one pixel of it:
  const [across, down] = [drawn.offsetWidth / w / screen.fontSize, drawn.offsetHeight / h / screen.fontSize];
  const room = { w: stage.clientWidth - 28, h: stage.clientHeight - 24 };
  const best = Math.min(room.w / w / across, room.h / h / down);
  const size = Math.max(FONT.least, Math.min(FONT.most, Math.floor(best * 2) / 2));
  if (Number.isFinite(size) && size !== screen.fontSize) screen.fontSize = size;
}

function StageOverlay({ playback }: { playback: Playback }) {
  const playing = useCell(playback.playing);
  const time = useCell(playback.time);
  const seeking = useCell(playback.seeking);
  const failure = useCell(playback.failure);
  if (failure !== undefined) return <div class="overlay" role="alert">{sentence(failure)}</div>;
  if (seeking) {
    return (
      <div class="overlay" role="status">
        <div class="spinner" />Looking for the place…
      </div>
    );
  }
  if (playing || time > 0) return null;
  return (
    <button type="button" class="big-play" aria-label="Play" onClick={() => playback.play()}>
      <Icon name="play" size={30} />
    </button>
  );
}
