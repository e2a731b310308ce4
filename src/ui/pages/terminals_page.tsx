/**
 * Terminals in tabs. The page stays while others are looked at, so that what runs goes on.
 * @module
 */
import { useEffect } from "preact/hooks";
import { useCell } from "../cell.ts";
import { ask } from "../components/confirm.tsx";
import { Icon } from "../components/icon.tsx";
import { Link } from "../components/link.tsx";
import { Empty, Page } from "../components/page.tsx";
import { chosenQuery } from "../site.ts";
import { TerminalView } from "../terminal/terminal_view.tsx";
import { terminals, type TerminalTab } from "../terminal/terminals.ts";

export function TerminalsPage({ shown }: { shown: boolean }) {
  const tabs = useCell(terminals.tabs);
  const current = useCell(terminals.current);
  if (tabs.length === 0) return shown ? <NoTerminals /> : null;
  return (
    <div class="terminals" hidden={!shown}>
      <div class="tabs" role="tablist" aria-label="Terminals" onKeyDown={(event) => moveTab(event, tabs)}>
        {tabs.map((tab) => <Tab key={tab.id} tab={tab} current={tab.id === current} shown={shown} />)}
        <Link
          class="button quiet square small add"
          to="/nodes"
          query={chosenQuery()}
          title="Open another terminal"
        >
          <Icon name="plus" />
          <span class="visually-hidden">Open another terminal</span>
        </Link>
      </div>
      {tabs.map((tab) => <TerminalView key={tab.id} tab={tab} shown={shown && tab.id === current} />)}
    </div>
  );
}

function Tab({ tab, current, shown }: { tab: TerminalTab; current: boolean; shown: boolean }) {
  const title = useCell(tab.title);
  const { login, hostname } = tab.target;
  const name = title ?? `${login}@${hostname}`;
  useEffect(() => {
    if (shown && current) document.title = `${name} · Teleport`;
  }, [shown, current, name]);
  return (
    <div class={current ? "tab current" : "tab"}>
      <button
        type="button"
        role="tab"
        id={`tab-${tab.id}`}
        aria-selected={current}
        aria-controls={`terminal-${tab.id}`}
        tabIndex={current ? 0 : -1}
        title={`${login}@${hostname}`}
        onClick={() => terminals.show(tab.id)}
      >
        <Icon name="terminal" size={15} />
        <span class="cut">{name}</span>
      </button>
      <button
        type="button"
        class="quiet square"
        aria-label={`Close ${login}@${hostname}`}
        title="Close"
        onClick={() => closeTab(tab)}
      >
        <Icon name="close" size={14} />
      </button>
    </div>
  );
}

/** Asks first if something runs. */
function closeTab(tab: TerminalTab): void {
  if (!tab.connection.value?.running) return terminals.close(tab.id);
  const { login, hostname } = tab.target;
  ask({
    title: "Close this terminal?",
    text:
      `The session of ${login} on ${hostname} still runs. It ends soon after the last person has left it, and so do the programs in it.`,
    action: "Close the terminal",
    danger: true,
    run: () => terminals.close(tab.id),
  });
}

function moveTab(event: KeyboardEvent, tabs: readonly TerminalTab[]): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  const at = tabs.findIndex(({ id }) => id === terminals.current.value);
  const next = tabs[(at + step + tabs.length) % tabs.length];
  if (!next) return;
  event.preventDefault();
  terminals.show(next.id);
  document.getElementById(`tab-${next.id}`)?.focus();
}

function NoTerminals() {
  return (
    <Page title="Terminals">
      <Empty icon="terminal" title="No terminal is open">
        <p>Choose a node to open a terminal there. Several can be open at the same time.</p>
        <Link class="button" to="/nodes" query={chosenQuery()}>Choose a node</Link>
      </Empty>
    </Page>
  );
}
