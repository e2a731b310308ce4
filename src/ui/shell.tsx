/**
 * The frame of all pages behind the login: navigation, the page, the terminals, which stay while others are looked at.
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { WebUserContext } from "../model/web.ts";
import { listSites } from "./api.ts";
import { useCell } from "./cell.ts";
import { complain } from "./components/toasts.tsx";
import { Icon, Mark } from "./components/icon.tsx";
import { Link } from "./components/link.tsx";
import { useNow } from "./components/moment.tsx";
import { ThemeSwitch } from "./components/theme_switch.tsx";
import { href, place } from "./router.ts";
import { Pages, type PagesInput } from "./pages/pages.tsx";
import { navigation } from "./pages/navigation.ts";
import { useLoaded } from "./loaded.ts";
import { logOut, session } from "./session.ts";
import { useSite } from "./site.ts";
import { useSiteAccess } from "./site_access.ts";
import { reopenTerminals } from "./terminal/reopened.ts";
import { terminals } from "./terminal/terminals.ts";

/** How long before its end a session's user is told. */
const WARN_MS = 5 * 60_000;
/** Clusters come and go. */
const SITES_MS = 20_000;

export function Shell({ context }: { context: WebUserContext }) {
  const [open, setOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const { path } = useCell(place);
  const site = useSite(context.cluster);
  const access = useSiteAccess(context, site);
  const { value: sites } = useLoaded(listSites, [], SITES_MS);
  useEffect(() => setOpen(false), [path]);
  useEffect(() => void reopenTerminals(context.user).catch(complain), []);
  useEffect(() => {
    if (!open) return;
    const pressed = ({ key }: KeyboardEvent) => key === "Escape" && setOpen(false);
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [open]);

  return (
    <div class="shell">
      <a
        class="skip button"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the page
      </a>
      <div class="topbar">
        <button
          type="button"
          class="quiet square"
          aria-label="Menu"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          <Icon name="menu" size={20} />
        </button>
        <strong>Teleport</strong>
        <small class="cut">{context.cluster}</small>
      </div>
      {open && (
        <button
          type="button"
          class="scrim"
          aria-label="Close the menu"
          onClick={() => setOpen(false)}
        />
      )}
      <Side context={context} site={site} access={access} open={open} />
      <main class="content" id="content" ref={main} tabIndex={-1}>
        <ExpiryBanner />
        <Pages context={context} site={site} sites={sites} access={access} />
      </main>
    </div>
  );
}

type SideProps = Pick<PagesInput, "context" | "site" | "access"> & { open: boolean };

function Side({ context, site, access, open }: SideProps) {
  const tabs = useCell(terminals.tabs);
  const leave = async () => {
    try {
      await logOut();
    } catch (error) {
      complain(error);
    }
  };
  return (
    <aside class={open ? "side open" : "side"} aria-label="Main">
      <a class="brand" href={href("/nodes")}>
        <Mark />
        <span>
          <strong>Teleport</strong>
          <small>{context.cluster}</small>
        </span>
      </a>
      <nav aria-label="Pages">
        {navigation(context, site, access).map(({ title, entries }) => (
          <section key={title} aria-label={title}>
            <h2>{title}</h2>
            <ul>
              {entries.map(({ path, text, icon, query = {} }) => (
                <li key={path}>
                  <Link to={path} query={query} nav>
                    <Icon name={icon} />
                    {text}
                    {path === "/terminals" && tabs.length > 0 && (
                      <span class="count" aria-label={`${tabs.length} open`}>{tabs.length}</span>
                    )}
                  </Link>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </nav>
      <div class="me">
        <Link to="/account" nav title="Your account">
          <span class="avatar" aria-hidden="true">{context.user.slice(0, 2)}</span>
          <span class="cut">
            {context.user}
            <small class="cut">{context.roles.join(", ")}</small>
          </span>
        </Link>
        <ThemeSwitch />
        <button type="button" class="quiet square" aria-label="Sign out" title="Sign out" onClick={leave}>
          <Icon name="out" />
        </button>
      </div>
    </aside>
  );
}

/** Warns before the session ends: nothing renews it beyond its certificate. */
function ExpiryBanner() {
  const state = useCell(session);
  const left = (state.kind === "in" ? state.endsAt : Infinity) - useNow(10_000);
  if (left > WARN_MS) return null;
  const minutes = Math.max(1, Math.round(left / 60_000));
  return (
    <div class="banner" role="alert">
      <Icon name="alert" />
      <span>
        Your session ends in{" "}
        {minutes === 1 ? "a minute" : `${minutes} minutes`}. Sign out and in again to go on without an
        interruption.
      </span>
    </div>
  );
}
