/**
 * A recorded session, played.
 * @module
 */
import { useMemo } from "preact/hooks";
import { recordedEvents, recordingVerdict } from "../api.ts";
import { Icon } from "../components/icon.tsx";
import { Link } from "../components/link.tsx";
import { Empty, Failed, Loading, Page } from "../components/page.tsx";
import { RequestFailure } from "../failure.ts";
import { useLoaded } from "../loaded.ts";
import { PlayerView } from "../player/player_view.tsx";
import { timelineOf } from "../player/timeline.ts";
import { place } from "../router.ts";
import { siteQuery } from "../site.ts";
import { clockTime, dateTime, parseClock, size } from "../time_text.ts";
import type { PageInput } from "./page_input.ts";

export function PlayerPage({ site, parameters: { sid = "" } }: PageInput) {
  const session = useMemo(() => ({ sid, site }), [sid, site]);
  const { value: timeline, failure, reload } = useLoaded(
    async (signal) => timelineOf(await recordedEvents(session, signal)),
    [session],
  );
  const { value: verdict } = useLoaded((signal) => recordingVerdict(session, signal), [session]);
  const back = (
    <Link class="button plain small" to="/recordings" query={siteQuery(site)}>
      <Icon name="back" size={16} />
      All recordings
    </Link>
  );
  if (failure !== undefined) {
    const gone = failure instanceof RequestFailure && failure.status === 404;
    return (
      <Page title="Recording" actions={back}>
        {gone
          ? (
            <Empty icon="film" title="There is no such recording">
              <p>
                It may have been removed, the session may not have been recorded, or it is not yours to see.
              </p>
            </Empty>
          )
          : <Failed failure={failure} retry={reload} site={site} />}
      </Page>
    );
  }
  if (!timeline) return <Loading what="Loading the recording…" />;
  const { user, login, started, duration, bytes } = timeline;
  const facts = [
    site === undefined ? undefined : `in cluster ${site}`,
    login === undefined ? undefined : `as ${login}`,
    started === undefined ? undefined : dateTime(started),
    clockTime(duration),
    size(bytes),
  ];
  return (
    <Page
      title={user === undefined ? "Recording" : `Session of ${user}`}
      note={facts.filter((fact) => fact !== undefined).join(" · ")}
      actions={
        <>
          {verdict && <Verdict {...verdict} ended={timeline.ended} />}
          {back}
        </>
      }
    >
      {bytes === 0
        ? (
          <Empty icon="film" title="This recording is empty">
            <p>The session ended before anything appeared on its screen.</p>
          </Empty>
        )
        : (
          <PlayerView
            session={session}
            timeline={timeline}
            at={parseClock(place.value.query.get("t") ?? "") ?? 0}
          />
        )}
    </Page>
  );
}

/** Whether what is played is what was recorded. */
function Verdict({ sound, text, ended }: { sound: boolean; text: string; ended: boolean }) {
  const [tone, word] = !ended
    ? ["fair", "Not finished"] as const
    : sound
    ? ["good", "Unchanged"] as const
    : ["bad", "Not verified"] as const;
  return (
    <span class={`badge ${tone}`} title={text}>
      <Icon name={tone === "good" ? "check" : "alert"} size={13} />
      {word}
      <span class="visually-hidden">: {text}</span>
    </span>
  );
}
