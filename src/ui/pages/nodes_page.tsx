/**
 * The nodes that the user may reach, and the way to them.
 * @module
 */
import { useMemo } from "preact/hooks";
import { listNodes, type NodeItem } from "../api.ts";
import { useCell } from "../cell.ts";
import { ClusterChooser } from "../components/cluster_chooser.tsx";
import { Icon } from "../components/icon.tsx";
import { Menu } from "../components/menu.tsx";
import { Empty, Failed, Outdated, Page } from "../components/page.tsx";
import { SearchField } from "../components/search_field.tsx";
import { type Column, Table } from "../components/table.tsx";
import { useLoaded } from "../loaded.ts";
import { filterNodes, labelText, toggleLabel } from "../node_filter.ts";
import { place, setQuery } from "../router.ts";
import { openTerminal } from "../terminal/terminals.ts";
import type { PageInput } from "./page_input.ts";

const REFRESH_MS = 20_000;
/** More do not fit into a row. */
const LABELS_SHOWN = 4;

export function NodesPage({ site, sites = [] }: PageInput) {
  const { query } = useCell(place);
  const text = query.get("search") ?? "";
  const chosen = query.getAll("label").flatMap((list) => list.split(",")).filter(Boolean);
  const { value: nodes, failure, reload } = useLoaded(
    (signal) => listNodes(signal, site),
    [site],
    REFRESH_MS,
  );
  const chooser = <ClusterChooser sites={sites} site={site} />;
  const rows = useMemo(
    () => nodes && filterNodes(nodes, text, chosen),
    [nodes, text, chosen.join()],
  );
  const choose = (label: string) => setQuery("label", toggleLabel(chosen, label).join(","));
  const columns = useMemo(() => nodeColumns(choose, site), [chosen.join(), text, site]);
  if (failure !== undefined && !nodes) {
    return (
      <Page title="Nodes" actions={chooser}>
        <Failed failure={failure} retry={reload} site={site} />
      </Page>
    );
  }
  return (
    <Page
      title="Nodes"
      note={rows ? counted(rows.length, nodes?.length ?? 0) : "Loading…"}
      actions={
        <>
          {chooser}
          <SearchField
            label="Search nodes"
            value={text}
            onInput={(value) => setQuery("search", value)}
          />
        </>
      }
    >
      <Outdated failure={failure} />
      {chosen.length > 0 && (
        <div class="filters">
          {chosen.map((label) => (
            <button
              key={label}
              type="button"
              class="chip set"
              aria-label={`Remove the filter ${label}`}
              onClick={() => choose(label)}
            >
              {label}
              <Icon name="close" size={12} />
            </button>
          ))}
        </div>
      )}
      <Table
        label="Nodes"
        columns={columns}
        rows={rows}
        rowKey={({ id }) => id}
        empty={<NoNodes none={nodes?.length === 0} />}
      />
    </Page>
  );
}

function counted(shown: number, all: number): string {
  const word = all === 1 ? "node" : "nodes";
  return shown === all ? `${all} ${word}` : `${shown} of ${all} ${word}`;
}

function nodeColumns(choose: (label: string) => void, site: string | undefined): Column<NodeItem>[] {
  return [
    {
      title: "Name",
      width: "30%",
      sort: ({ hostname }) => hostname,
      render: ({ hostname, id }) => (
        <>
          <span class="first" title={hostname}>{hostname}</span>
          <span class="second mono" title={id}>{id}</span>
        </>
      ),
      narrow: ({ hostname, labels }) => (
        <>
          <span class="first">{hostname}</span>
          <span class="second">{Object.values(labels).sort().join(", ")}</span>
        </>
      ),
    },
    {
      title: "Address",
      width: "12rem",
      minor: true,
      sort: ({ addr }) => addr,
      render: ({ addr }) => <span class="mono soft">{addr}</span>,
    },
    { title: "Labels", minor: true, render: ({ labels }) => <Labels labels={labels} choose={choose} /> },
    {
      title: "Connect",
      width: "8.5rem",
      kind: "actions",
      render: (node) => <Connect node={node} site={site} />,
    },
  ];
}

function Labels({ labels, choose }: { labels: Record<string, string>; choose: (label: string) => void }) {
  const all = Object.entries(labels).map(([key, value]) => labelText(key, value)).sort();
  const rest = all.slice(LABELS_SHOWN);
  return (
    <span class="chips">
      {all.slice(0, LABELS_SHOWN).map((label) => (
        <button
          key={label}
          type="button"
          class="chip"
          title={`Only nodes with ${label}`}
          onClick={() => choose(label)}
        >
          {label}
        </button>
      ))}
      {rest.length > 0 && <span class="chip" title={rest.join("\n")}>+{rest.length}</span>}
    </span>
  );
}

function Connect({ node, site }: { node: NodeItem; site: string | undefined }) {
  const [only, ...more] = node.logins;
  const connect = (login: string) =>
    openTerminal({
      server: node.id,
      hostname: node.hostname,
      login,
      ...(site === undefined ? {} : { site }),
    });
  if (only === undefined) {
    return <span class="faint small" title="Your roles allow no login on this node">no login</span>;
  }
  if (more.length === 0) {
    return (
      <button
        type="button"
        class="plain small"
        title={`Open a terminal as ${only}`}
        aria-label={`Connect to ${node.hostname} as ${only}`}
        onClick={() => connect(only)}
      >
        <Icon name="terminal" size={16} />
        Connect
      </button>
    );
  }
  return (
    <Menu
      label={`Connect to ${node.hostname}`}
      caption="Sign in as"
      items={node.logins.map((login) => ({ text: login, icon: "user", run: () => connect(login) }))}
    >
      <Icon name="terminal" size={16} />
      Connect
      <Icon name="down" size={14} />
    </Menu>
  );
}

function NoNodes({ none }: { none: boolean }) {
  return none
    ? (
      <Empty icon="server" title="No nodes yet">
        <p>
          Either none has joined the cluster, or your roles allow none of them. An administrator adds one with
          a token of the role “node”.
        </p>
      </Empty>
    )
    : (
      <Empty icon="search" title="No node fits">
        <p>Try another word, or take a label out of the filter.</p>
        <button
          type="button"
          class="plain"
          onClick={() => {
            setQuery("search", "");
            setQuery("label", "");
          }}
        >
          Show all nodes
        </button>
      </Empty>
    );
}
