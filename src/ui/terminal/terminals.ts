/**
 * The terminals that are open in this window.
 * @module
 */
import { Cell } from "../cell.ts";
import { go, place } from "../router.ts";
import { session } from "../session.ts";
import { chosenQuery } from "../site.ts";
import type { Target, TerminalConnection } from "./connection.ts";

/** A terminal in a tab. Its view makes the connection once it knows its size. */
export interface TerminalTab {
  id: number;
  target: Target;
  /** What the program calls its window; else undefined. */
  title: Cell<string | undefined>;
  connection: Cell<TerminalConnection | undefined>;
}

class Terminals {
  readonly tabs = new Cell<readonly TerminalTab[]>([]);
  readonly current = new Cell<number | undefined>(undefined);
  #last = 0;

  /** Opens a tab and shows it. */
  open(target: Target): void {
    this.add(target);
    go("/terminals");
  }

  /** Opens a tab, without leaving the page that is shown. */
  add(target: Target): void {
    const tab: TerminalTab = {
      id: ++this.#last,
      target,
      title: new Cell<string | undefined>(undefined),
      connection: new Cell<TerminalConnection | undefined>(undefined),
    };
    this.tabs.set([...this.tabs.value, tab]);
    this.current.set(tab.id);
  }

  show(id: number): void {
    this.current.set(id);
    go("/terminals");
  }

  /** Closes a tab without asking. The one beside it comes into sight. */
  close(id: number): void {
    const { value: tabs } = this.tabs;
    const at = tabs.findIndex((tab) => tab.id === id);
    const tab = tabs[at];
    if (!tab) return;
    tab.connection.value?.close();
    const rest = tabs.filter((one) => one !== tab);
    this.tabs.set(rest);
    if (this.current.value === id) this.current.set((rest[at] ?? rest[at - 1])?.id);
    if (rest.length === 0 && place.value.path.startsWith("/terminals")) {
      go("/nodes", { query: chosenQuery() });
    }
  }

  closeAll(): void {
    for (const { connection } of this.tabs.value) connection.value?.close();
    this.tabs.set([]);
    this.current.set(undefined);
  }

  get running(): boolean {
    return this.tabs.value.some(({ connection }) => connection.value?.running);
  }
}

export const terminals = new Terminals();

/** Starts a session, or joins one, in a new tab; a session that is in a tab already comes into sight. */
export function openTerminal(target: Target): void {
  const there = target.sid === undefined
    ? undefined
    : terminals.tabs.value.find(({ connection }) =>
      connection.value?.sid.value === target.sid && connection.value?.running
    );
  if (there) terminals.show(there.id);
  else terminals.open(target);
}

addEventListener("beforeunload", (event) => {
  if (terminals.running) event.preventDefault();
});

let owner: string | undefined;

// Who comes back after a session that ran out finds the terminals again; nobody else does.
session.watch(() => {
  const { value } = session;
  if (value.kind === "out" && value.notice === undefined) terminals.closeAll();
  if (value.kind !== "in") return;
  if (owner !== undefined && owner !== value.context.user) terminals.closeAll();
  owner = value.context.user;
});
