/**
 * The page behind a link to a session: the ways in while it runs, its recording afterwards.
 * @module
 */
import { Moment } from "../components/moment.tsx";
import { Failed, Loading, Page } from "../components/page.tsx";
import { useLoaded } from "../loaded.ts";
import { go } from "../router.ts";
import { siteQuery } from "../site.ts";
import { listLiveSessions, Parties, SessionActions } from "./active_sessions_page.tsx";
import type { PageInput } from "./page_input.ts";
import { PlayerPage } from "./player_page.tsx";

export function SessionPage(input: PageInput) {
  const { access, site, parameters: { sid = "" } } = input;
  const { value, failure, reload } = useLoaded((signal) => listLiveSessions(site, signal), [site, sid]);
  if (failure !== undefined) {
    return (
      <Page title="Session">
        <Failed failure={failure} retry={reload} site={site} />
      </Page>
    );
  }
  if (!value) return <Loading what="Looking for the session…" />;
  const session = value.find((one) => one.sid === sid);
  if (!session) return <PlayerPage {...input} />;
  return (
    <Page
      title={`Session of ${session.user}`}
      note={`This session runs at this moment${site === undefined ? "" : ` in cluster ${site}`}.`}
      scrolls
    >
      <div class="columns">
        <section class="card">
          <dl class="facts">
            <dt>Where</dt>
            <dd>{session.login}@{session.node ?? session.server}</dd>
            <dt>Since</dt>
            <dd>
              <Moment at={session.started} />
            </dd>
            <dt>Taking part</dt>
            <dd>
              <Parties parties={session.parties} />
            </dd>
            <dt>Session</dt>
            <dd class="mono">{session.sid}</dd>
          </dl>
          <div class="line wrap" style={{ marginTop: "1.25rem" }}>
            <SessionActions
              access={access}
              site={site}
              session={session}
              onEnded={() => go("/sessions", { query: siteQuery(site) })}
            />
          </div>
        </section>
      </div>
    </Page>
  );
}
