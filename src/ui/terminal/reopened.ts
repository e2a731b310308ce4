/**
 * Terminals that were open when the page was loaded anew. Their sessions go on for a while, and are joined again.
 * @module
 */
import { callIn } from "../api.ts";
import { session } from "../session.ts";
import type { Target } from "./connection.ts";
import { terminals } from "./terminals.ts";

/** Of this window alone, and gone with it. */
const KEY = "terminals";

/** A terminal, and the cluster that lists its session, where that is another one. */
type KeptTarget = Target & { sid: string; recorder?: string };

interface Kept {
  user: string;
  targets: KeptTarget[];
}

addEventListener("pagehide", () => {
  const { value } = session;
  const targets = terminals.tabs.value.flatMap(
    ({ target, connection: { value: connection } }): KeptTarget[] => {
      const sid = connection?.running ? connection.sid.value : undefined;
      if (sid === undefined) return [];
      const recorder = connection?.recorder;
      return [{ ...target, sid, ...(recorder === undefined ? {} : { recorder }) }];
    },
  );
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
  const recorders = [...new Set(kept.targets.map(({ recorder }) => recorder))];
  // A cluster that is away must not keep the others' terminals from coming back.
  const lists = await Promise.allSettled(recorders.map((site) => callIn(site, "sessions.list", {})));
  const running = new Set(
    lists.flatMap((list) => list.status === "fulfilled" ? list.value.map(({ sid }) => sid) : []),
  );
  for (const { recorder: _, ...target } of kept.targets) {
    if (running.has(target.sid)) terminals.add(target);
  }
  const failed = lists.find((list) => list.status === "rejected");
  if (failed) throw failed.reason;
}
