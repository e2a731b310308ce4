/**
 * What is under a recording's screen: the bar of time, speed, download.
 * @module
 */
import { useMemo } from "preact/hooks";
import { downloadLink, type RecordingFormat, recordingPath, type SessionRef } from "../api.ts";
import { useCell } from "../cell.ts";
import { copyText } from "../components/copy_text.tsx";
import { Icon } from "../components/icon.tsx";
import { Menu } from "../components/menu.tsx";
import { complain, tell } from "../components/toasts.tsx";
import { href } from "../router.ts";
import { saveLink } from "../save_link.ts";
import { siteQuery } from "../site.ts";
import { clockTime } from "../time_text.ts";
import { type Playback, SPEEDS } from "./playback.ts";
import { activity, type Timeline } from "./timeline.ts";

export interface PlayerControlsProps {
  session: SessionRef;
  playback: Playback;
  timeline: Timeline;
}

export function PlayerControls({ session, playback, timeline }: PlayerControlsProps) {
  const time = useCell(playback.time);
  const playing = useCell(playback.playing);
  const speed = useCell(playback.speed);
  const skips = useCell(playback.skipsIdle);
  const download = (format: RecordingFormat) => () =>
    void downloadLink(recordingPath(session, format)).then(saveLink).catch(complain);
  const share = async () => {
    const { sid, site } = session;
    const moment = String(Math.round(time / 100) / 10);
    const address = href(`/recordings/${sid}`, { ...siteQuery(site), t: moment });
    await copyText(location.origin + address);
    tell(`A link to ${clockTime(time)} of this recording is in the clipboard.`);
  };
  const label = playing ? "Pause" : "Play";
  return (
    <div class="controls">
      <TimeBar playback={playback} timeline={timeline} />
      <div class="buttons">
        <button
          type="button"
          class="square"
          aria-label={label}
          title={`${label} (space)`}
          onClick={() => playback.toggle()}
        >
          <Icon name={playing ? "pause" : "play"} />
        </button>
        <span class="time" aria-label="Position and length">
          {clockTime(time)} / {clockTime(timeline.duration)}
        </span>
        <label class="check">
          <input
            type="checkbox"
            role="switch"
            checked={skips}
            onChange={(event) => playback.skipsIdle.set(event.currentTarget.checked)}
          />
          Skip idle time
        </label>
        <span class="grow" />
        <div class="segments" role="toolbar" aria-label="Speed">
          {SPEEDS.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={one === speed}
              title="Slower and faster: < and >"
              onClick={() => playback.speed.set(one)}
            >
              {one}×
            </button>
          ))}
        </div>
        <button
          type="button"
          class="quiet small"
          title="Copy a link to this moment"
          onClick={() => void share().catch(complain)}
        >
          <Icon name="link" size={16} />
          Link
        </button>
        <Menu
          label="Download the recording"
          class="quiet small"
          items={[
            { text: "asciicast (asciinema)", icon: "film", run: download("asciicast") },
            { text: "Plain text", icon: "list", run: download("text") },
            { text: "Raw output", icon: "terminal", run: download("bytes") },
          ]}
        >
          <Icon name="download" size={16} />
          Download
        </Menu>
      </div>
    </div>
  );
}

const BARS = 240;

function TimeBar({ playback, timeline }: { playback: Playback; timeline: Timeline }) {
  const time = useCell(playback.time);
  const { duration, steps } = timeline;
  const bars = useMemo(() => barsPath(activity(timeline, BARS)), [timeline]);
  const marks = useMemo(() => steps.filter((step) => step.kind === "mark"), [steps]);
  const part = duration === 0 ? 0 : time / duration;
  const percent = `${part * 100}%`;
  return (
    <div class="timeline">
      <svg viewBox={`0 0 ${BARS} 30`} preserveAspectRatio="none" aria-hidden="true">
        <clipPath id="played">
          <rect x="0" y="0" width={part * BARS} height="30" />
        </clipPath>
        <path class="bars" d={bars} />
        <path class="bars played" d={bars} clip-path="url(#played)" />
      </svg>
      {marks.map(({ ms, text }) => (
        <span
          key={`${ms} ${text}`}
          class="mark"
          title={`${clockTime(ms)}: ${text}`}
          style={{ left: `${duration === 0 ? 0 : (ms / duration) * 100}%` }}
        />
      ))}
      <span class="rail" />
      <span class="done" style={{ width: percent }} />
      <input
        type="range"
        min={0}
        max={Math.max(1, duration)}
        step={100}
        value={time}
        aria-label="Position"
        aria-valuetext={`${clockTime(time)} of ${clockTime(duration)}`}
        onInput={(event) => playback.seek(event.currentTarget.valueAsNumber)}
      />
      <span class="knob" style={{ left: percent }} />
    </div>
  );
}

/** One bar for each part of the time, as one path. */
function barsPath(heights: readonly number[]): string {
  return heights.map((height, x) => {
    const tall = height === 0 ? 0 : 3 + height * 21;
    return tall === 0 ? "" : `M${x} 26h.7v-${tall.toFixed(1)}h-.7z`;
  }).join("");
}
