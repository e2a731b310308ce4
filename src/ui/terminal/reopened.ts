/**
 * Terminals that were open when the page was loaded anew. Their sessions go on for a while, and are joined again.
 * @module
 */
import { call } from "../api.ts";
import { session } from "../session.ts";
import type { Target } from "./connection.ts";
import { terminals } from "./terminals.ts";

/** Of this window alone, and gone with it. */
const KEY = "terminals";

interface Kept {
  user: string;
  targets: Target[];
}

addEventListener("pagehide", () => {
  const { value } = session;
  const targets = terminals.tabs.value.flatMap(({ target, connection }) => {
    const sid = connection.value?.running ? connection.value.sid.value : undefined;
    return sid === undefined ? [] : [{ ...target, sid }];
  });
  if (value.kind !== "in" || targets.length === 0) return;
  sessionStorage.setItem(KEY, JSON.stringify({ user: value.context.user, targets } satisfies Kept));
});

/** Opens what this user had open, as far as it still runs. */
export async function reopenTerminals(user: string): Promise<void> {
  const text = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  if (text === null) return;
  const kept: Kept = JSON.parse(text);
  if (kept.user !== user) return;
  const running = new Set((await call("sessions.list", {})).map(({ sid }) => sid));
  for (const target of kept.targets) {
    if (target.sid !== undefined && running.has(target.sid)) terminals.add(target);
  }
}
