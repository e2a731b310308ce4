/**
 * Sessions that run at this moment: who is in them, and the ways in.
 * @module
 */
import { useMemo } from "preact/hooks";
import type { Output } from "../../api/contract.ts";
import type { PartyMode } from "../../model/web.ts";
import { callIn } from "../api.ts";
import { ClusterChooser } from "../components/cluster_chooser.tsx";
import { ask } from "../components/confirm.tsx";
import { Icon } from "../components/icon.tsx";
import { Menu, type MenuItem } from "../components/menu.tsx";
import { Moment } from "../components/moment.tsx";
import { Empty, Failed, Outdated, Page } from "../components/page.tsx";
import { SearchField } from "../components/search_field.tsx";
import { type Column, Table } from "../components/table.tsx";
import { tell } from "../components/toasts.tsx";
import { useCell } from "../cell.ts";
import { useLoaded } from "../loaded.ts";
import { place, setQuery } from "../router.ts";
import { may } from "../session.ts";
import type { SiteAccess } from "../site_access.ts";
import { openTerminal } from "../terminal/terminals.ts";
import type { PageInput } from "./page_input.ts";

export type LiveSession = Output<"sessions.list">[number];

const REFRESH_MS = 3000;

/** @param site of another cluster */
export function listLiveSessions(site: string | undefined, signal?: AbortSignal): Promise<LiveSession[]> {
  return callIn(site, "sessions.list", {}, signal);
}

export function ActiveSessionsPage({ site, sites = [], access }: PageInput) {
  const { query } = useCell(place);
  const text = query.get("search") ?? "";
  const { value, failure, reload } = useLoaded(
    (signal) => listLiveSessions(site, signal),
    [site],
    REFRESH_MS,
  );
  const rows = useMemo(() => value && value.filter((session) => fits(session, text)), [value, text]);
  const columns = useMemo(() => sessionColumns({ access, site, onEnded: reload }), [access, site]);
  const chooser = <ClusterChooser sites={sites} site={site} />;
  if (failure !== undefined && !value) {
    return (
      <Page title="Active sessions" actions={chooser}>
        <Failed failure={failure} retry={reload} site={site} />
      </Page>
    );
  }
  return (
    <Page
      title="Active sessions"
      note={rows
        ? (
          <span class="live">
            <span class="dot" />
            {rows.length} running now
          </span>
        )
        : "Loading…"}
      actions={
        <>
          {chooser}
          <SearchField
            label="Search sessions"
            value={text}
            onInput={(word) => setQuery("search", word)}
          />
        </>
      }
    >
      <Outdated failure={failure} />
      <Table
        label="Active sessions"
        columns={columns}
        rows={rows}
        rowKey={({ sid }) => sid}
        empty={
          <Empty icon="live" title={text === "" ? "Nobody is connected" : "No session fits"}>
            <p>
              Sessions on terminals appear here while they run, those of others if your roles let you see
              them.
            </p>
          </Empty>
        }
      />
    </Page>
  );
}

function fits({ sid, user, login, node, parties }: LiveSession, text: string): boolean {
  const all = [sid, user, login, node ?? "", ...parties.map((party) => party.user)].join("\n").toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}

function sessionColumns(where: Omit<SessionActionsProps, "session">): Column<LiveSession>[] {
  return [
    {
      title: "User",
      width: "24%",
      sort: ({ user }) => user,
      render: ({ user, sid }) => (
        <>
          <span class="first">{user}</span>
          <span class="second mono" title={sid}>{sid}</span>
        </>
      ),
      narrow: ({ user, login, node, started }) => (
        <>
          <span class="first">{user}</span>
          <span class="second">
            {login}@{node} · <Moment at={started} />
          </span>
        </>
      ),
    },
    {
      title: "Where",
      minor: true,
      sort: ({ node }) => node ?? "",
      render: ({ login, node, server, columns, rows }) => (
        <>
          <span class="first">{login}@{node ?? server}</span>
          <span class="second">{columns} × {rows}</span>
        </>
      ),
    },
    {
      title: "Since",
      width: "9rem",
      minor: true,
      sort: ({ started }) => -started,
      render: ({ started }) => <Moment at={started} />,
    },
    {
      title: "Taking part",
      width: "10rem",
      minor: true,
      sort: ({ parties }) => parties.length,
      render: ({ parties }) => <Parties parties={parties} />,
    },
    {
      title: "Join",
      width: "10rem",
      kind: "actions",
      render: (session) => <SessionActions {...where} session={session} />,
    },
  ];
}

/** Everybody who is in, with their way of taking part. */
export function Parties({ parties }: { parties: LiveSession["parties"] }) {
  if (parties.length === 0) return <span class="faint">nobody at the moment</span>;
  const words = parties.map(({ user, mode }) => `${user} (${mode === "peer" ? "types" : "watches"})`);
  return (
    <span class="parties" title={words.join("\n")}>
      {parties.slice(0, 4).map(({ user, mode }, index) => (
        <span key={index} class={`avatar ${mode}`} aria-hidden="true">{initials(user)}</span>
      ))}
      {parties.length > 4 && <span class="avatar observer" aria-hidden="true">+{parties.length - 4}</span>}
      <span class="visually-hidden">{words.join(", ")}</span>
    </span>
  );
}

/** Users of other clusters have the cluster before their name. */
function initials(user: string): string {
  return user.slice(user.lastIndexOf(":") + 1).slice(0, 2);
}

/** Joins a session in a new tab. @param site of another cluster */
function join({ sid, server, node, login }: LiveSession, mode: PartyMode, site: string | undefined): void {
  openTerminal({
    server,
    hostname: node ?? server,
    login,
    sid,
    mode,
    ...(site === undefined ? {} : { site }),
  });
}

export interface SessionActionsProps {
  /** What the user may do where the session runs; undefined while it is not known. */
  access: SiteAccess | undefined;
  /** The cluster where it runs, if that is another one. */
  site: string | undefined;
  session: LiveSession;
  onEnded: () => void;
}

/** What the user may do with a session; its own user may do everything. */
export function SessionActions({ access, site, session, onEnded }: SessionActionsProps) {
  const allows = (verb: string) =>
    access !== undefined && (session.user === access.user || may(access, "session", verb));
  const types = allows("update");
  const ends = allows("delete");
  const items: MenuItem[] = [];
  if (types) items.push({ text: "Join and type", icon: "terminal", run: () => join(session, "peer", site) });
  items.push({ text: "Watch only", icon: "eye", run: () => join(session, "observer", site) });
  if (ends) {
    items.push({
      text: "End the session",
      icon: "close",
      danger: true,
      run: () => end(session, site, onEnded),
    });
  }
  return (
    <>
      <button
        type="button"
        class="plain small"
        onClick={() => join(session, types ? "peer" : "observer", site)}
      >
        {types ? "Join" : "Watch"}
      </button>
      <Menu label={`More for the session of ${session.user}`} items={items} class="quiet square small">
        <Icon name="more" size={16} />
      </Menu>
    </>
  );
}

function end(
  { sid, user, login, node }: LiveSession,
  site: string | undefined,
  onEnded: () => void,
): void {
  ask({
    title: "End this session?",
    text: `${user} is ${login} on ${
      node ?? "a node"
    }. Everybody in the session is cut off, and its programs end.`,
    action: "End the session",
    danger: true,
    run: async () => {
      const { ended } = await callIn(site, "sessions.end", { sid });
      if (!ended) throw new Error("the node does not answer; the session ends when it does");
      tell("The session was ended.");
      onEnded();
    },
  });
}
