/**
 * Which page a place is. Those that few people open are loaded when they are.
 * @module
 */
import type { ComponentType } from "preact";
import { lazy, Suspense } from "preact/compat";
import { useCell } from "../cell.ts";
import { ErrorBoundary } from "../components/error_boundary.tsx";
import { Link } from "../components/link.tsx";
import { Empty, Loading, Page } from "../components/page.tsx";
import { isOfAnyCluster, parameters } from "../route.ts";
import { place } from "../router.ts";
import { NodesPage } from "./nodes_page.tsx";
import type { PageInput } from "./page_input.ts";
import { TerminalsPage } from "./terminals_page.tsx";

type PageComponent = ComponentType<PageInput>;

function later(load: () => Promise<PageComponent>): PageComponent {
  return lazy(async () => ({ default: await load() }));
}

const active = later(async () => (await import("./active_sessions_page.tsx")).ActiveSessionsPage);
const session = later(async () => (await import("./session_page.tsx")).SessionPage);
const recordings = later(async () => (await import("./recordings_page.tsx")).RecordingsPage);
const player = later(async () => (await import("./player_page.tsx")).PlayerPage);
const audit = later(async () => (await import("./audit_page.tsx")).AuditPage);
const account = later(async () => (await import("./account_page.tsx")).AccountPage);
const users = later(async () => (await import("./users_page.tsx")).UsersPage);
const tokens = later(async () => (await import("./tokens_page.tsx")).TokensPage);
const resources = async () => await import("./resources_page.tsx");
const roles = later(async () => (await resources()).RolesPage);
const connectors = later(async () => (await resources()).ConnectorsPage);
const trustedClusters = later(async () => (await resources()).TrustedClustersPage);

/** The terminals' page is none of these: it stays. */
const ROUTES: readonly (readonly [string, PageComponent])[] = [
  ["/", NodesPage],
  ["/nodes", NodesPage],
  ["/sessions", active],
  ["/sessions/:sid", session],
  ["/session/:sid", session],
  ["/recordings", recordings],
  ["/recordings/:sid", player],
  ["/player/:sid", player],
  ["/audit", audit],
  ["/account", account],
  ["/users", users],
  ["/roles", roles],
  ["/tokens", tokens],
  ["/connectors", connectors],
  ["/trusted-clusters", trustedClusters],
];

export type PagesInput = Omit<PageInput, "parameters">;

export function Pages(input: PagesInput) {
  const { path } = useCell(place);
  const onTerminals = path === "/terminals" || path.startsWith("/terminals/");
  return (
    <>
      <TerminalsPage shown={onTerminals} />
      {!onTerminals && (
        <ErrorBoundary key={isOfAnyCluster(path) ? `${path} ${input.site ?? ""}` : path}>
          <Suspense fallback={<Loading what="Loading…" />}>
            <Routed {...input} path={path} />
          </Suspense>
        </ErrorBoundary>
      )}
    </>
  );
}

function Routed({ path, ...input }: PagesInput & { path: string }) {
  const { site, sites } = input;
  if (isOfAnyCluster(path) && site !== undefined && sites && !sites.some(({ name }) => name === site)) {
    return <NoSuchCluster name={site} />;
  }
  for (const [pattern, Component] of ROUTES) {
    const found = parameters(pattern, path);
    if (found) return <Component {...input} parameters={found} />;
  }
  return (
    <Page title="Page not found">
      <Empty icon="search" title="There is no such page">
        <p>The address may be mistyped, or what was here is gone.</p>
        <Link class="button" to="/nodes">Go to the nodes</Link>
      </Empty>
    </Page>
  );
}

function NoSuchCluster({ name }: { name: string }) {
  return (
    <Page title="Cluster not found">
      <Empty icon="search" title={`No cluster “${name}” is known here`}>
        <p>The address may be mistyped, or the cluster does not trust this one any more.</p>
        <Link class="button" to="/nodes">Go to the nodes of this cluster</Link>
      </Empty>
    </Page>
  );
}
