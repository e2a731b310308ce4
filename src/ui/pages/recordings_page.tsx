/**
 * Recorded sessions.
 * @module
 */
import { useMemo } from "preact/hooks";
import { callIn, listNodes } from "../api.ts";
import { useCell } from "../cell.ts";
import { ClusterChooser } from "../components/cluster_chooser.tsx";
import { Icon } from "../components/icon.tsx";
import { Link } from "../components/link.tsx";
import { Moment } from "../components/moment.tsx";
import { Empty, Failed, Outdated, Page } from "../components/page.tsx";
import { SearchField } from "../components/search_field.tsx";
import { type Column, Table } from "../components/table.tsx";
import { useLoaded } from "../loaded.ts";
import { go, place, setQuery } from "../router.ts";
import { siteQuery } from "../site.ts";
import { duration, size } from "../time_text.ts";
import { type RecordedSession, withNodes } from "../recorded_sessions.ts";
import type { PageInput } from "./page_input.ts";

const MOST = 1000;

async function listRecordings(site: string | undefined, signal: AbortSignal): Promise<RecordedSession[]> {
  const [recordings, nodes] = await Promise.all([
    callIn(site, "recordings.list", { limit: MOST }, signal),
    listNodes(signal, site),
  ]);
  return withNodes(recordings, new Map(nodes.map(({ id, hostname }) => [id, hostname])));
}

export function RecordingsPage({ site, sites = [] }: PageInput) {
  const { query } = useCell(place);
  const text = query.get("search") ?? "";
  const { value, failure, reload } = useLoaded((signal) => listRecordings(site, signal), [site], 30_000);
  const columns = useMemo(() => recordingColumns(site), [site]);
  const chooser = <ClusterChooser sites={sites} site={site} />;
  const rows = useMemo(() => value && value.filter((one) => fits(one, text)), [value, text]);
  if (failure !== undefined && !value) {
    return (
      <Page title="Recordings" actions={chooser}>
        <Failed failure={failure} retry={reload} site={site} />
      </Page>
    );
  }
  return (
    <Page
      title="Recordings"
      note={rows ? `${rows.length} recorded ${rows.length === 1 ? "session" : "sessions"}` : "Loading…"}
      actions={
        <>
          {chooser}
          <SearchField
            label="Search recordings"
            value={text}
            onInput={(word) => setQuery("search", word)}
          />
        </>
      }
    >
      <Outdated failure={failure} />
      <Table
        label="Recorded sessions"
        columns={columns}
        rows={rows}
        rowKey={({ sid }) => sid}
        onOpen={({ sid }) => go(`/recordings/${sid}`, { query: siteQuery(site) })}
        empty={
          <Empty icon="film" title={text === "" ? "Nothing was recorded yet" : "No recording fits"}>
            <p>Sessions on terminals are recorded while they run and can be played here.</p>
          </Empty>
        }
      />
    </Page>
  );
}

function fits({ sid, user = "", login = "", node = "" }: RecordedSession, text: string): boolean {
  const all = [sid, user, login, node].join("\n").toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}

/** @param site of another cluster */
const recordingColumns = (site: string | undefined): Column<RecordedSession>[] => [
  {
    title: "User",
    width: "28%",
    sort: ({ user }) => user ?? "",
    render: ({ user, sid }) => (
      <>
        <span class="first">{user ?? "Session"}</span>
        <span class="second mono" title={sid}>{sid}</span>
      </>
    ),
    narrow: ({ user, login, node, length }) => (
      <>
        <span class="first">{user ?? "Session"}</span>
        <span class="second">
          {[login && `${login}@${node ?? "?"}`, length !== undefined && duration(length)].filter(Boolean)
            .join(" · ")}
        </span>
      </>
    ),
  },
  {
    title: "Where",
    minor: true,
    sort: ({ node }) => node ?? "",
    render: ({ login, node }) =>
      login === undefined
        ? <span class="faint">unknown</span>
        : <span>{login}{node === undefined ? "" : `@${node}`}</span>,
  },
  {
    title: "When",
    width: "7.5rem",
    sort: ({ started, modified }) => -(started ?? modified),
    render: ({ started, modified }) => <Moment at={started ?? modified} />,
  },
  {
    title: "Length",
    width: "7rem",
    minor: true,
    sort: ({ length }) => length ?? 0,
    render: ({ complete, length }) =>
      complete
        ? <span class="number">{length === undefined ? "" : duration(length)}</span>
        : (
          <span class="live">
            <span class="dot" />running
          </span>
        ),
  },
  {
    title: "Size",
    width: "6rem",
    minor: true,
    kind: "number",
    sort: ({ bytes }) => bytes,
    render: ({ bytes }) => size(bytes),
  },
  {
    title: "Play",
    width: "6.5rem",
    kind: "actions",
    render: ({ sid, user }) => (
      <Link
        class="button plain small"
        to={`/recordings/${sid}`}
        query={siteQuery(site)}
        title={`Play the session of ${user ?? sid}`}
      >
        <Icon name="play" size={13} />
        Play
      </Link>
    ),
  },
];
