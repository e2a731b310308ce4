/**
 * One terminal: its screen, what is said about its connection, files that are dropped on it.
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { TerminalSize } from "../../model/web.ts";
import { Cell, useCell } from "../cell.ts";
import { complain } from "../components/toasts.tsx";
import { useNow } from "../components/moment.tsx";
import { sentence } from "../failure.ts";
import { TerminalConnection } from "./connection.ts";
import type { Screen } from "./screen.ts";
import { TerminalBar } from "./terminal_bar.tsx";
import { terminals, type TerminalTab } from "./terminals.ts";
import { TransferDialog } from "./transfer_dialog.tsx";

/** While there is no connection. */
const UNRULED = new Cell<TerminalSize | undefined>(undefined);

export function TerminalView({ tab, shown }: { tab: TerminalTab; shown: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  const [screen, setScreen] = useState<Screen>();
  const [files, setFiles] = useState<"pick" | readonly File[]>();
  const [dragged, setDragged] = useState(false);
  const connection = useCell(tab.connection);
  const ruling = useCell(connection?.ruling ?? UNRULED);
  const room = screen?.room();
  const limited = ruling !== undefined && room !== undefined && (ruling.w < room.w || ruling.h < room.h);

  useEffect(() => {
    let gone = false;
    let made: Screen | undefined;
    start(tab, place).then(
      (started) => {
        made = started;
        if (gone) made?.dispose();
        else setScreen(made);
      },
      complain,
    );
    return () => {
      gone = true;
      made?.dispose();
    };
  }, []);

  useEffect(() => {
    if (!shown || !screen || !place.current) return;
    const fit = () => {
      const room = screen.room();
      if (!room) return;
      tab.connection.value?.resize(room);
      screen.resize(smaller(room, tab.connection.value?.ruling.value));
    };
    const watcher = new ResizeObserver(fit);
    watcher.observe(place.current);
    const unwatch = tab.connection.value?.ruling.watch(fit);
    screen.focus();
    return () => {
      watcher.disconnect();
      unwatch?.();
    };
  }, [shown, screen]);

  return (
    <div
      class="terminals"
      hidden={!shown}
      role="tabpanel"
      id={`terminal-${tab.id}`}
      aria-labelledby={`tab-${tab.id}`}
    >
      {connection && screen && (
        <TerminalBar
          tab={tab}
          connection={connection}
          screen={screen}
          limited={limited}
          onFiles={() => setFiles("pick")}
        />
      )}
      <div
        class="terminal-area"
        onDragOver={(event) => {
          if (!event.dataTransfer?.types.includes("Files")) return;
          event.preventDefault();
          setDragged(true);
        }}
        onDragLeave={(event) => event.currentTarget === event.target && setDragged(false)}
        onDrop={(event) => {
          event.preventDefault();
          setDragged(false);
          const dropped = [...event.dataTransfer?.files ?? []];
          if (dropped.length > 0) setFiles(dropped);
        }}
      >
        <div class={limited ? "screen-frame shrunk" : "screen-frame"}>
          <div class="screen" ref={place} onMouseUp={() => screen?.focus()} />
        </div>
        {dragged && <div class="drop">Drop the files to upload them</div>}
        {connection && <StateOverlay connection={connection} onClose={() => terminals.close(tab.id)} />}
      </div>
      {files && (
        <TransferDialog
          target={tab.target}
          dropped={files === "pick" ? [] : files}
          onClose={() => {
            setFiles(undefined);
            screen?.focus();
          }}
        />
      )}
    </div>
  );
}

/** Loads the emulator, puts it into the page and connects it. */
async function start(
  tab: TerminalTab,
  place: { current: HTMLDivElement | null },
): Promise<Screen | undefined> {
  const { Screen } = await import("./screen.ts");
  if (!place.current) return undefined;
  const { hostname, login, mode } = tab.target;
  const screen = new Screen(place.current, {
    label: `Terminal: ${login} on ${hostname}. Ctrl+F6 leaves it.`,
    readOnly: mode === "observer",
  });
  const room = screen.room() ?? screen.size;
  screen.resize(room);
  const connection = new TerminalConnection(tab.target, screen, room);
  screen.onTyped((bytes) => connection.send(bytes));
  screen.onTitle((title) => tab.title.set(title.slice(0, 200) || undefined));
  tab.connection.set(connection);
  return screen;
}

/** A server may tell of any size, and each cell costs memory here. */
const LARGEST = 1000;

function smaller<T extends { w: number; h: number }>(room: T, ruling: T | undefined) {
  return ruling ? { w: Math.min(ruling.w, LARGEST), h: Math.min(ruling.h, LARGEST) } : room;
}

/** Says what is wrong with a connection, and what can be done. */
function StateOverlay({ connection, onClose }: { connection: TerminalConnection; onClose: () => void }) {
  const state = useCell(connection.state);
  const now = useNow(500);
  if (state.kind === "open") return null;
  const retry = <button type="button" class="small" onClick={() => connection.retryNow()}>Try now</button>;
  const close = <button type="button" class="plain small" onClick={onClose}>Close</button>;
  switch (state.kind) {
    case "connecting":
      return (
        <div class="overlay" role="status">
          <div class="spinner" />Connecting…
        </div>
      );
    case "lost": {
      const seconds = Math.max(0, Math.ceil((state.retryAt - now) / 1000));
      const what = connection.sid.value === undefined
        ? "The server cannot be reached"
        : "The connection was lost. The session goes on for a while";
      return (
        <div class="overlay" role="alert">
          <span>{what}; trying again{seconds > 0 ? ` in ${seconds} s` : "…"}</span>
          {retry}
        </div>
      );
    }
    case "failed":
      return (
        <div class="overlay" role="alert">
          <span>{sentence(state.message)}</span>
          {retry}
          {close}
        </div>
      );
    case "ended":
      return (
        <div class="overlay" role="status">
          <span>{state.text}.</span>
          {close}
        </div>
      );
  }
}
