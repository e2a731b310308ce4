/**
 * The bar over a terminal: where it is, how quick the way there is, what can be done with it.
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { useCell } from "../cell.ts";
import { Icon } from "../components/icon.tsx";
import { complain, tell } from "../components/toasts.tsx";
import { copyText } from "../components/copy_text.tsx";
import { href } from "../router.ts";
import { siteQuery } from "../site.ts";
import type { TerminalConnection } from "./connection.ts";
import type { Screen } from "./screen.ts";
import type { TerminalTab } from "./terminals.ts";

export interface TerminalBarProps {
  tab: TerminalTab;
  connection: TerminalConnection;
  screen: Screen;
  /** Another party's window is smaller, and rules. */
  limited: boolean;
  onFiles: () => void;
}

const FONT_SIZES = { least: 8, most: 28 };

export function TerminalBar({ tab, connection, screen, limited, onFiles }: TerminalBarProps) {
  const sid = useCell(connection.sid);
  const ruling = useCell(connection.ruling);
  const [selected, setSelected] = useState(false);
  useEffect(() => screen.onSelection(setSelected), [screen]);
  const { hostname, login, mode, site } = tab.target;

  const attempt = (work: () => Promise<void>) => () =>
    void work().catch(complain).finally(() => screen.focus());
  const zoom = (step: number) => () => {
    const size = Math.min(FONT_SIZES.most, Math.max(FONT_SIZES.least, screen.fontSize + step));
    screen.fontSize = size;
    const next = screen.room();
    if (next) connection.resize(next);
  };

  return (
    <div class="terminal-bar">
      <span class="where cut">{login}@{hostname}</span>
      {site !== undefined && <span class="badge" title="The cluster of the node">{site}</span>}
      {mode === "observer" && <span class="badge">watching</span>}
      <Latency connection={connection} />
      {ruling && (
        <span
          class={limited ? "badge fair wide-only" : "badge wide-only"}
          title={limited ? "The smallest window of all who take part rules" : "Columns and rows"}
        >
          {ruling.w} × {ruling.h}
        </span>
      )}
      <span class="grow" />
      <button
        type="button"
        class="quiet square small wide-only"
        title="Smaller text"
        aria-label="Smaller text"
        onClick={zoom(-1)}
      >
        A−
      </button>
      <button
        type="button"
        class="quiet square small wide-only"
        title="Larger text"
        aria-label="Larger text"
        onClick={zoom(1)}
      >
        A+
      </button>
      <button
        type="button"
        class="quiet square small"
        title="Copy the selection (Ctrl+Shift+C)"
        aria-label="Copy the selection"
        disabled={!selected}
        onClick={attempt(() => copyText(screen.selection))}
      >
        <Icon name="copy" size={16} />
      </button>
      {mode !== "observer" && (
        <button
          type="button"
          class="quiet square small"
          title="Paste (Ctrl+Shift+V)"
          aria-label="Paste"
          onClick={attempt(async () => screen.paste(await navigator.clipboard.readText()))}
        >
          <Icon name="paste" size={16} />
        </button>
      )}
      {mode !== "observer" && (
        <button type="button" class="quiet small" title="Upload or download files" onClick={onFiles}>
          <Icon name="upload" size={16} />
          Files
        </button>
      )}
      {sid !== undefined && (
        <button
          type="button"
          class="quiet small"
          title="Copy a link by which others join this session"
          onClick={attempt(async () => {
            await copyText(location.origin + href(`/sessions/${sid}`, siteQuery(connection.recorder)));
            tell("The link to this session is in the clipboard. Whoever opens it needs the right to join.");
          })}
        >
          <Icon name="link" size={16} />
          <span class="wide-only">Share</span>
        </button>
      )}
    </div>
  );
}

function Latency({ connection }: { connection: TerminalConnection }) {
  const state = useCell(connection.state);
  const ms = useCell(connection.latency);
  if (state.kind !== "open") return <span class="badge bad">offline</span>;
  if (ms === undefined) return <span class="badge">online</span>;
  const tone = ms < 120 ? "good" : ms < 300 ? "fair" : "bad";
  return (
    <span class={`badge ${tone} number`} title="The time to the server and back">
      <span class={`dot ${tone}`} />
      {ms < 1 ? "<1" : Math.round(ms)} ms
    </span>
  );
}
