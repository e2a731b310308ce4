/**
 * The rotation of a certificate authority: a new key comes beside the old one, everybody learns it, certificates move
 * over, and the old one goes. Pure rules: which phase follows which, when, and which key signs in it.
 * @module
 */
import { AppError } from "../base/errors.ts";
import type { AuthorityKind } from "./authority_kind.ts";

/**
 * - `standby`: one key, nothing under way.
 * - `init`: the new key is trusted everywhere, the old one signs.
 * - `update_clients`: users get certificates of the new key.
 * - `update_servers`: hosts do, too.
 * - `rollback`: the old key signs everything again, the new one is still trusted.
 */
export type RotationPhase = "standby" | "init" | "update_clients" | "update_servers" | "rollback";

export const ROTATION_PHASES: readonly RotationPhase[] = [
  "standby",
  "init",
  "update_clients",
  "update_servers",
  "rollback",
];

/** Times are milliseconds since the epoch. */
export interface Rotation {
  phase: RotationPhase;
  /** `auto` goes on by the schedule, `manual` when it is told to. */
  mode: "auto" | "manual";
  started: number;
  /** When the old key goes, in `auto` mode. */
  ends?: number;
}

/** What to do next with an authority. */
export interface RotationStep {
  /** Undefined when the rotation is over. */
  rotation: Rotation | undefined;
  /** Which keys are kept; the first one signs. */
  keys: "old" | "new" | "old,new" | "new,old";
  /** Whether the new key has to be made first. */
  makesKey: boolean;
}

/** Which phase may follow which. */
const NEXT: Readonly<Record<RotationPhase, readonly RotationPhase[]>> = {
  standby: ["init", "update_clients"],
  init: ["update_clients", "rollback"],
  update_clients: ["update_servers", "rollback"],
  update_servers: ["standby", "rollback"],
  rollback: ["standby"],
};

/** The shares of the grace period after which the phases of an automatic rotation end. */
const SCHEDULE: Readonly<Partial<Record<RotationPhase, number>>> = {
  init: 1 / 3,
  update_clients: 2 / 3,
  update_servers: 1,
};

/**
 * Begins a rotation.
 * @param graceMs how long the old key is trusted; 0 drops it at once
 * @throws {AppError} conflict while another one is under way
 */
export function beginRotation(
  kind: AuthorityKind,
  current: Rotation | undefined,
  wish: { mode: "auto" | "manual"; graceMs: number; phase?: RotationPhase; now: number },
): RotationStep {
  if (current) {
    throw new AppError(
      "conflict",
      `the ${kind} CA is being rotated already (phase ${current.phase}): wait for its end, or stop it with ` +
        '"tctl auth rotate --manual --phase=rollback"',
    );
  }
  const { mode, graceMs, now, phase = "init" } = wish;
  if (graceMs === 0) return { rotation: undefined, keys: "new", makesKey: true };
  const rotation: Rotation = { phase, mode, started: now, ends: mode === "auto" ? now + graceMs : undefined };
  return { ...stepOf(kind, rotation), makesKey: true };
}

/**
 * Goes on with a rotation by hand. Whatever it was, it is a manual one from now on.
 * @throws {AppError} conflict when the phase does not follow the current one
 */
export function moveRotation(
  kind: AuthorityKind,
  current: Rotation | undefined,
  phase: RotationPhase,
  now: number,
): RotationStep {
  const from = current?.phase ?? "standby";
  if (!NEXT[from].includes(phase)) {
    const allowed = ROTATION_PHASES.filter((one) => NEXT[one].includes(phase));
    throw new AppError(
      "conflict",
      `the ${kind} CA can only switch to phase ${phase} from ${
        allowed.join(" or ")
      }, current phase is ${from}; from ` +
        `there it goes to ${NEXT[from].join(" or ")}`,
    );
  }
  if (!current) return beginRotation(kind, undefined, { mode: "manual", graceMs: Infinity, phase, now });
  return stepOf(kind, { ...current, phase, mode: "manual", ends: undefined }, from);
}

/** When the schedule asks for the next phase; undefined when nothing goes on by itself. */
export function nextDue({ phase, mode, started, ends }: Rotation): number | undefined {
  const share = SCHEDULE[phase];
  if (mode !== "auto" || ends === undefined || share === undefined) return undefined;
  return started + share * (ends - started);
}

/** What the schedule of an automatic rotation asks for by now, or undefined when there is nothing to do. */
export function dueStep(
  kind: AuthorityKind,
  current: Rotation | undefined,
  now: number,
): RotationStep | undefined {
  const due = current && nextDue(current);
  if (current === undefined || due === undefined || now < due) return undefined;
  // One phase at a time, also after a long sleep: everybody else has to follow.
  const [phase] = NEXT[current.phase];
  return phase && stepOf(kind, { ...current, phase }, current.phase);
}

function stepOf(kind: AuthorityKind, rotation: Rotation, from?: RotationPhase): RotationStep {
  const step = (keys: RotationStep["keys"]): RotationStep => ({ rotation, keys, makesKey: false });
  switch (rotation.phase) {
    case "standby":
      return { rotation: undefined, keys: from === "rollback" ? "old" : "new", makesKey: false };
    case "init":
    case "rollback":
      return step("old,new");
    case "update_clients":
      return step(kind === "user" ? "new,old" : "old,new");
    case "update_servers":
      return step("new,old");
  }
}

/** The state in words, as `tctl status` shows it; times are written by `time`. */
export function describeRotation(
  rotation: Rotation | undefined,
  rotated: number | undefined,
  time: (ms: number) => string,
): string {
  if (!rotation) return rotated === undefined ? "never updated" : `rotated ${time(rotated)}`;
  const { phase, mode, started, ends } = rotation;
  const ending = ends === undefined ? "" : `, ending: ${time(ends)}`;
  return `${PHASE_TEXT[phase]} (mode: ${mode}, started: ${time(started)}${ending})`;
}

const PHASE_TEXT: Readonly<Record<RotationPhase, string>> = {
  standby: "on standby",
  init: "initialized",
  update_clients: "rotating clients",
  update_servers: "rotating servers",
  rollback: "rolling back",
};
