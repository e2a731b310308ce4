/**
 * What other auth servers write into a shared store, passed on to whatever this one keeps of it, and to the hosts that
 * are connected here.
 * @module
 */
import type { Collection } from "../api/contract.ts";
import { messageOf } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { Backend, Change, Watch } from "../store/backend.ts";

const log = logger("auth");

/** What is to be read anew. */
export interface Followers {
  /** Hosts and caches hear of it. */
  changed(collection: Collection): void;
  authorities(): Promise<void>;
  trustedClusters(): Promise<void>;
  servers(): Promise<void>;
  sessions(): Promise<void>;
  /** Somebody wants this session to end. */
  endSession(sid: string): Promise<void>;
  configurations(): Promise<void>;
}

type Reload = Exclude<keyof Followers, "changed" | "endSession">;

/** By the first name of a key: collections that changed, and what is kept here. */
const FOLLOWED: Readonly<Record<string, { collections?: readonly Collection[]; reload?: Reload }>> = {
  cluster: { reload: "authorities" },
  authority: { reload: "authorities" },
  user: { collections: ["users"] },
  role: { collections: ["roles"] },
  join_token: { collections: ["tokens"] },
  invite: { collections: ["tokens"] },
  server: { reload: "servers" },
  live: { reload: "sessions" },
  auth_config: { reload: "configurations" },
  trust: { reload: "trustedClusters" },
  remote_cluster: { collections: ["clusters"] },
  tunnel: { collections: ["clusters"] },
  pairing_job: { collections: ["clusters"] },
  pairing_result: { collections: ["clusters"] },
};
const RELOADS: readonly Reload[] = [
  "authorities",
  "trustedClusters",
  "servers",
  "sessions",
  "configurations",
];

/** Begins to follow; undefined for a store that is this process's alone. */
export function followStore(backend: Backend, followers: Followers): Watch | undefined {
  const runs = new Map(RELOADS.map((name) => [name, onceMore(() => followers[name]())]));
  return backend.watch?.((changes) => {
    const collections = new Set<Collection>();
    const reloads = new Set<Reload>();
    if (!changes) {
      for (const { collections: some = [] } of Object.values(FOLLOWED)) {
        some.forEach((name) => collections.add(name));
      }
      for (const name of ["web_sessions", "connectors"] as const) collections.add(name);
      RELOADS.forEach((name) => reloads.add(name));
    }
    for (const change of changes ?? []) sort(change, collections, reloads, followers);
    for (const name of collections) followers.changed(name);
    for (const name of reloads) runs.get(name)?.();
  });
}

function sort(
  { key: [first = "", second = ""], deleted }: Change,
  collections: Set<Collection>,
  reloads: Set<Reload>,
  followers: Followers,
): void {
  const followed = Object.hasOwn(FOLLOWED, first) ? FOLLOWED[first] : undefined;
  followed?.collections?.forEach((name) => collections.add(name));
  if (followed?.reload) reloads.add(followed.reload);
  // That somebody logged in concerns nobody else; that a session ended does.
  if (first === "web_session" && deleted) collections.add("web_sessions");
  if (first === "resource") {
    if (second === "trusted_cluster") reloads.add("trustedClusters");
    else collections.add("connectors");
  }
  if (first === "live_end" && !deleted) void guarded(() => followers.endSession(second));
}

/** Runs the work now, or once more after the run that is under way. */
function onceMore(work: () => Promise<void>): () => void {
  let running = false;
  let again = false;
  const run = async () => {
    again = true;
    if (running) return;
    running = true;
    while (again) {
      again = false;
      await guarded(work);
    }
    running = false;
  };
  return () => void run();
}

/** A store that is away is followed from where it was; what was not read meanwhile is read by the next sweep. */
async function guarded(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    log.warn("what another auth server wrote cannot be read yet: {error}", { error: messageOf(error) });
  }
}
