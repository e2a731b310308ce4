/**
 * Rotates the certificate authorities: begins and moves rotations when an administrator says so, and goes on by
 * schedule. The state is in the store, so a restart in the middle of any phase changes nothing.
 * @module
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { HOUR, SECOND } from "../../base/duration.ts";
import { AppError, messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { AUTHORITY_KINDS, type AuthorityKind } from "../../model/authority_kind.ts";
import {
  beginRotation,
  dueStep,
  moveRotation,
  nextDue,
  type RotationPhase,
  type RotationStep,
} from "../../model/rotation.ts";
import type { AuditLog } from "../audit/log.ts";
import type { Authorities } from "./authorities.ts";

const log = logger("auth");

/** What an administrator asks for. */
export interface RotationRequest {
  kinds: readonly AuthorityKind[];
  mode: "auto" | "manual";
  graceMs: number;
  /** Manual only: the phase to go to. */
  phase?: RotationPhase;
}

/** Looked at this often: the schedule's steps are hours apart. */
const LONGEST_WAIT = HOUR;
/** Between two phases, so that everybody can follow even when the schedule is long past. */
const SHORTEST_PHASE = 10 * SECOND;
const ATTEMPTS = 3;

export class Rotator {
  #timer: Timer | undefined;
  #lastStep = -Infinity;
  #closed = false;

  constructor(readonly authorities: Authorities, readonly audit: AuditLog, readonly clock: Clock) {
    authorities.onChanged(() => {
      this.#lastStep = clock.now(); // also another auth server's
      this.#schedule();
    });
    this.#schedule();
  }

  /**
   * Begins a rotation or moves one.
   * @param by who asked, for the audit log
   * @throws {AppError} conflict when that is not possible now
   */
  async rotate(
    { kinds, mode, graceMs, phase }: RotationRequest,
    by: { name: string; address: string },
  ): Promise<void> {
    const now = this.clock.now();
    const begins = mode === "auto" || phase === undefined;
    if (mode === "auto" && phase !== undefined) {
      throw new AppError("bad_input", "a phase is chosen in manual mode only: add --manual");
    }
    await this.#apply(
      kinds,
      (kind) => {
        const current = this.authorities.rotation(kind);
        return begins
          ? beginRotation(kind, current, { mode, graceMs, now })
          : moveRotation(kind, current, phase, now);
      },
      { by: by.name, "addr.remote": by.address },
    );
  }

  /** All or nothing. @returns false when there was nothing to do */
  async #apply(
    kinds: readonly AuthorityKind[],
    stepOf: (kind: AuthorityKind) => RotationStep | undefined,
    event: { by: string; "addr.remote"?: string },
  ): Promise<boolean> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const steps = new Map<AuthorityKind, RotationStep>();
      for (const kind of kinds) {
        const step = stepOf(kind);
        if (step) steps.set(kind, step);
      }
      if (steps.size === 0) return false;
      if (!await this.authorities.rotate(steps, this.clock.now())) continue; // another auth server was quicker
      this.#lastStep = this.clock.now();
      for (const [kind, { rotation }] of steps) {
        const { phase = "standby", mode = "manual" } = rotation ?? {};
        log.info("the {kind} CA is in rotation phase {phase} now", { kind, phase });
        await this.audit.emit({ event: "ca.rotate", "ca.kind": kind, phase, mode, ...event });
      }
      this.#schedule();
      return true;
    }
    throw new AppError("conflict", "the certificate authorities were changed at the same moment; try again");
  }

  /** Sets the timer for the next step of the schedule. */
  #schedule(): void {
    this.#timer?.cancel();
    if (this.#closed) return;
    const wait = this.#wait(this.clock.now());
    if (wait === Infinity) return;
    this.#timer = this.clock.after(Math.min(LONGEST_WAIT, wait) + 1, () => void this.#goOn());
  }

  /** How long until the schedule's next step; Infinity when there is none. */
  #wait(now: number): number {
    const waits = AUTHORITY_KINDS.flatMap((kind) => {
      const rotation = this.authorities.rotation(kind);
      const due = rotation && nextDue(rotation);
      if (rotation?.ends === undefined || due === undefined) return [];
      const shortest = Math.min(SHORTEST_PHASE, (rotation.ends - rotation.started) / 3);
      return Math.max(0, due - now, this.#lastStep + shortest - now);
    });
    return Math.min(Infinity, ...waits);
  }

  async #goOn(): Promise<void> {
    try {
      await this.authorities.reload();
      const now = this.clock.now();
      if (this.#wait(now) > 0) return this.#schedule(); // another auth server was quicker
      const due = (kind: AuthorityKind) => dueStep(kind, this.authorities.rotation(kind), now);
      if (await this.#apply(AUTHORITY_KINDS, due, { by: "schedule" })) return;
    } catch (error) {
      // A store that is away, or an audit log that cannot be written: the next look tries again.
      if (!(error instanceof Error)) throw error;
      log.warn("the rotation of the CAs waits: {error}", { error: messageOf(error) });
    }
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }
}
