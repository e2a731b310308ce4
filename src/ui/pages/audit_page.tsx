/**
 * The audit log: what happened, narrowed down, and as it happens.
 * @module
 */
import { useMemo, useState } from "preact/hooks";
import { useCell } from "../cell.ts";
import { ClusterChooser } from "../components/cluster_chooser.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Icon } from "../components/icon.tsx";
import { Moment } from "../components/moment.tsx";
import { Empty, Failed, Outdated, Page } from "../components/page.tsx";
import { SearchField } from "../components/search_field.tsx";
import { type Column, Table } from "../components/table.tsx";
import {
  EVENT_CHOICES,
  eventDetails,
  eventHeading,
  eventKey,
  isFailure,
  type LoggedEvent,
} from "../event_text.ts";
import { SPANS, useEventLog } from "../event_log.ts";
import { go, place, setQuery } from "../router.ts";
import { siteQuery } from "../site.ts";
import { dateTime } from "../time_text.ts";
import type { PageInput } from "./page_input.ts";

export function AuditPage({ site, sites = [] }: PageInput) {
  const { query } = useCell(place);
  const filter = {
    site,
    type: query.get("type") ?? "",
    user: query.get("user") ?? "",
    text: query.get("search") ?? "",
    span: query.get("span") ?? "24h",
  };
  const [live, setLive] = useState(false);
  const [opened, setOpened] = useState<LoggedEvent>();
  const { events, failure, more, loadOlder, reload } = useEventLog(filter, live);
  const failed = failure !== undefined && events === undefined;
  const columns = useMemo(() => COLUMNS, []);
  return (
    <Page
      title="Audit log"
      note={failed
        ? undefined
        : events === undefined
        ? "Loading…"
        : `${events.length}${more ? "+" : ""} events`}
      actions={
        <>
          <ClusterChooser sites={sites} site={site} />
          <SearchField
            label="Search events"
            value={filter.text}
            onInput={(text) => setQuery("search", text)}
          />
          <button
            type="button"
            class={live ? "plain" : "quiet"}
            aria-pressed={live}
            disabled={failed}
            onClick={() => setLive(!live)}
          >
            {live
              ? (
                <span class="live">
                  <span class="dot" />Live
                </span>
              )
              : (
                <>
                  <Icon name="live" />Follow live
                </>
              )}
          </button>
        </>
      }
    >
      <Filters {...filter} />
      {events !== undefined && <Outdated failure={failure} />}
      {failed ? <Failed failure={failure} retry={reload} site={site} /> : (
        <Table
          label="Audit events"
          columns={columns}
          rows={events}
          rowKey={eventKey}
          onOpen={setOpened}
          empty={
            <Empty icon="list" title="Nothing fits">
              <p>Nothing of this kind was logged in this time. Widen the time, or take a filter out.</p>
            </Empty>
          }
          foot={more
            ? (
              <div class="line" style={{ justifyContent: "center", padding: ".75rem" }}>
                <button type="button" class="plain small" onClick={loadOlder}>Load older events</button>
              </div>
            )
            : null}
        />
      )}
      {opened && <EventDialog event={opened} site={site} onClose={() => setOpened(undefined)} />}
    </Page>
  );
}

function Filters({ type, user, span }: { type: string; user: string; span: string }) {
  return (
    <div class="audit-filters">
      <div>
        <label for="audit-span">Time</label>
        <select
          id="audit-span"
          value={span}
          onChange={(event) => setQuery("span", event.currentTarget.value)}
        >
          {SPANS.map(({ name, title }) => <option key={name} value={name}>{title}</option>)}
        </select>
      </div>
      <div>
        <label for="audit-type">Event</label>
        <select
          id="audit-type"
          value={type}
          onChange={(event) => setQuery("type", event.currentTarget.value)}
        >
          <option value="">All events</option>
          {EVENT_CHOICES.map(({ name, title }) => <option key={name} value={name}>{title}</option>)}
        </select>
      </div>
      <div>
        <label for="audit-user">User</label>
        <input
          id="audit-user"
          type="text"
          value={user}
          placeholder="Everybody"
          spellcheck={false}
          autocomplete="off"
          onChange={(event) => setQuery("user", event.currentTarget.value.trim())}
        />
      </div>
    </div>
  );
}

const COLUMNS: readonly Column<LoggedEvent>[] = [
  { title: "Time", width: "6.5rem", render: ({ time }) => <Moment at={Date.parse(String(time))} /> },
  {
    title: "Event",
    width: "24%",
    render: (event) => (
      <span class="line">
        <span class={isFailure(event) ? "dot bad" : "dot good"} />
        <span class="cut">{eventHeading(event)}</span>
      </span>
    ),
    narrow: (event) => (
      <>
        <span class="line">
          <span class={isFailure(event) ? "dot bad" : "dot good"} />
          <span class="cut">{eventHeading(event)}</span>
        </span>
        <span class="second">{[event.user, eventDetails(event)].filter(Boolean).join(" · ")}</span>
      </>
    ),
  },
  {
    title: "User",
    width: "9rem",
    minor: true,
    render: ({ user }) => user === undefined ? <span class="faint">–</span> : String(user),
  },
  { title: "Details", minor: true, render: (event) => <span class="soft">{eventDetails(event)}</span> },
  {
    title: "From",
    width: "11rem",
    minor: true,
    render: (event) => <span class="mono soft">{String(event["addr.remote"] ?? "")}</span>,
  },
  {
    title: "Show",
    width: "3.5rem",
    kind: "actions",
    render: (event) => <ShowButton event={event} />,
  },
];

/** For the keyboard; a click anywhere in the row does the same. */
function ShowButton({ event }: { event: LoggedEvent }) {
  return (
    <button
      type="button"
      class="quiet square small"
      aria-label={`Show ${eventHeading(event)}`}
      onClick={({ currentTarget }) => currentTarget.closest("tr")?.click()}
    >
      <Icon name="info" size={16} />
    </button>
  );
}

interface EventDialogProps {
  event: LoggedEvent;
  site: string | undefined;
  onClose: () => void;
}

function EventDialog({ event, site, onClose }: EventDialogProps) {
  const sid = typeof event.sid === "string" ? event.sid : undefined;
  return (
    <Dialog title={eventHeading(event)} onClose={onClose} large>
      <p class="soft">{dateTime(Date.parse(String(event.time)))}</p>
      <pre class="event-detail">{JSON.stringify(event, undefined, 2)}</pre>
      {sid !== undefined && (
        <p class="line" style={{ marginTop: "1rem" }}>
          <button
            type="button"
            class="plain small"
            onClick={() => go(`/sessions/${sid}`, { query: siteQuery(site) })}
          >
            <Icon name="play" size={14} />
            Open the session
          </button>
        </p>
      )}
    </Dialog>
  );
}
