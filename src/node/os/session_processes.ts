/**
 * All processes of one session of the operating system (setsid(2)), found and ended through the C library because
 * reading /proc through Deno would need every permission. A process that made a session of its own has left this one.
 * @module
 */
import { libc } from "./libc.ts";
import { listDirectory } from "./list_directory.ts";

const SIGHUP = 1, SIGKILL = 9, SIGCONT = 18;
/** Time for programs to save what they have, in milliseconds. */
const GRACE = 500;
// Processes may start others while they are being killed.
const ROUNDS = 10;

/** The processes of the session which process `id` leads. */
export class SessionProcesses {
  readonly #id: number;
  #leaderReaped = false;
  #killing = false;

  constructor(id: number) {
    this.#id = id;
  }

  /** To be told when the leader has been waited for: from then on its number may come to name another process. */
  leaderReaped(): void {
    this.#leaderReaped = true;
  }

  /** Sends SIGHUP now and SIGKILL to those left after a grace of half a second. Further calls do nothing. */
  kill(): void {
    if (this.#killing) return;
    this.#killing = true;
    const members = this.list();
    if (members.length === 0) return;
    for (const pid of members) {
      libc().kill(pid, SIGHUP);
      libc().kill(pid, SIGCONT); // a stopped process could not act on it
    }
    setTimeout(() => this.#killNow(), GRACE);
  }

  /** The process ids in the session at this moment, zombies included. */
  list(): number[] {
    // The kernel keeps a number while it names a session, so a process of that number is then a stranger.
    if (this.#leaderReaped && libc().getsid(this.#id) >= 0) return [];
    return allProcesses().filter((pid) => libc().getsid(pid) === this.#id);
  }

  #killNow(): void {
    for (let round = 0; round < ROUNDS; round++) {
      const members = this.list();
      if (members.length === 0) return;
      for (const pid of members) libc().kill(pid, SIGKILL);
    }
  }
}

/** Ids of all processes this process can see. */
function allProcesses(): number[] {
  return listDirectory("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
}
