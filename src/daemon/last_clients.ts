/**
 * Waiting until a daemon that takes no new clients has none left, and has delivered what they left behind.
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { SECOND } from "../base/duration.ts";
import type { RoleState } from "../base/role.ts";
import type { Daemon } from "./supervisor.ts";

const ASK_MS = 250;
const TELL_MS = 5 * SECOND;
/** Recordings and events that auth has not got by then stay on disk: whoever runs next delivers them. */
const DELIVER_MS = 5 * SECOND;

export interface Waiting {
  /** True when there is no use in waiting on. */
  over(): boolean;
  /** Told every five seconds what is being waited for. */
  report(text: string): void;
}

type States = [role: string, state: RoleState][];

export async function waitForClients(daemon: Daemon, clock: Clock, waiting: Waiting): Promise<void> {
  let told = clock.now();
  let alone: number | undefined;
  while (!waiting.over()) {
    const states = await statesOf(daemon);
    const now = clock.now();
    const clients = states.reduce((sum, [, state]) => sum + state.clients, 0);
    if (clients === 0) alone ??= now;
    if (alone !== undefined && (!hasMore(states) || now - alone >= DELIVER_MS)) return;
    if (now - told >= TELL_MS) {
      told = now;
      waiting.report(`waits for ${describe(states)}`);
    }
    await new Promise<void>((resolve) => clock.after(ASK_MS, resolve));
  }
}

async function statesOf(daemon: Daemon): Promise<States> {
  const states: States = [];
  for (const [role, process] of daemon.roles) {
    if (role === "auth" || process.phase === "ended") continue;
    const state = (await process.report())?.state;
    // One that does not answer may still have clients; when it stays silent, its supervision ends it.
    states.push([role, state ?? { clients: 1, counts: {} }]);
  }
  return states;
}

function hasMore(states: States): boolean {
  return states.some(([, { counts }]) => (counts.recordings_waiting ?? 0) + (counts.events_waiting ?? 0) > 0);
}

function describe(states: States): string {
  return states.map(([role, { clients, counts }]) => {
    const sessions = counts.sessions === undefined ? "" : ` with ${counts.sessions} sessions`;
    return `${clients} connections of the ${role} role${sessions}`;
  }).join(", ");
}
