/**
 * Fuzzes one target: first what once found something, then mutations of its seeds, then a look at the memory.
 * @module
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isAppError } from "../../src/base/errors.ts";
import { keep, readCorpus } from "./corpus.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";
import type { FuzzTarget } from "./target.ts";

export interface FuzzOptions {
  seed: number;
  /** Stops after so many inputs, or milliseconds, whichever is first. */
  iterations?: number;
  milliseconds?: number;
  /** Only this one. */
  iteration?: number;
  /** Keeps inputs that find something. */
  keeps?: boolean;
  progress?(iteration: number): void;
}

export interface Finding {
  target: string;
  /** `--seed=... --iteration=...`, or the file in the corpus. */
  where: string;
  what: string;
  file?: string;
}

const MAX_MS = 2000;
const BATCH = 100;
/** Memory that is still reachable for each input, beyond some slack. */
const MAX_KEPT_BYTES = 512;
const SLACK_BYTES = 16 * 1024 * 1024;
const MAX_FINDINGS = 20;

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** @returns what was found; nothing is thrown for it */
export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<{
  iterations: number;
  findings: Finding[];
}> {
  const findings: Finding[] = [];
  const known = new Set<string>();
  const report = async (where: string, error: unknown, input?: Uint8Array) => {
    const what = describe(error);
    const kind = what.replace(/\d+/g, "#");
    if (known.has(kind)) return; // the same again
    known.add(kind);
    const file = input && options.keeps ? await keep(target.name, input) : undefined;
    findings.push({ target: target.name, where, what, file });
  };
  const stray: unknown[] = [];
  const onStray = (event: PromiseRejectionEvent | ErrorEvent) => {
    event.preventDefault();
    stray.push("reason" in event ? event.reason : event.error);
  };
  const attempt = async (input: Uint8Array, random: Random, where: string) => {
    try {
      await runOnce(target, input, random);
    } catch (error) {
      if (isFinding(error)) await report(where, error, input);
    }
    for (const error of stray.splice(0)) await report(where, new Stray(error), input);
  };
  const check = async (where: string) => {
    try {
      await target.check?.();
    } catch (error) {
      await report(where, error);
    }
    for (const error of stray.splice(0)) await report(where, new Stray(error));
  };

  globalThis.addEventListener("unhandledrejection", onStray);
  globalThis.addEventListener("error", onStray);
  let iteration = 0;
  try {
    await target.start?.();
    const seeds = target.seeds();
    const corpus = await readCorpus(target.name);
    if (options.iteration === undefined) {
      for (const { name, input } of corpus) await attempt(input, new Random(1), `corpus ${name}`);
    }
    const from = [...seeds, ...corpus.map(({ input }) => input)];
    const at = (i: number) => {
      const random = new Random(options.seed, i);
      return attempt(mutate(from, random), random, `--seed=${options.seed} --iteration=${i}`);
    };
    if (options.iteration !== undefined) {
      await at(options.iteration);
      await check(`after iteration ${options.iteration}`);
      return { iterations: 1, findings };
    }
    const end = performance.now() + (options.milliseconds ?? Infinity);
    const most = options.iterations ?? Infinity;
    let heap: { after: number; bytes: number } | undefined;
    while (iteration < most && performance.now() < end && findings.length < MAX_FINDINGS) {
      const stop = Math.min(iteration + BATCH, most);
      for (; iteration < stop && performance.now() < end; iteration++) {
        options.progress?.(iteration);
        await at(iteration);
      }
      await check(`--seed=${options.seed}, up to iteration ${iteration}`);
      const warm = iteration >= most / 4 || performance.now() > end - (options.milliseconds ?? 0) * 3 / 4;
      if (!heap && warm) heap = { after: iteration, bytes: heapUsed() };
    }
    if (heap && iteration > heap.after) {
      const kept = heapUsed() - heap.bytes;
      if (kept > SLACK_BYTES + MAX_KEPT_BYTES * (iteration - heap.after)) {
        await report(`--seed=${options.seed}`, new Error(`${kept} bytes stay in ${iteration} iterations`));
      }
    }
  } finally {
    await target.stop?.();
    globalThis.removeEventListener("unhandledrejection", onStray);
    globalThis.removeEventListener("error", onStray);
  }
  return { iterations: iteration, findings };
}

async function runOnce(target: FuzzTarget, input: Uint8Array, random: Random): Promise<void> {
  const { maxMs = MAX_MS } = target;
  const start = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const outcome = target.run(input, random);
    if (outcome instanceof Promise) {
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`nothing came of it in ${maxMs} ms`)), maxMs);
      });
      await Promise.race([outcome, late]);
    }
  } finally {
    clearTimeout(timer);
  }
  const took = performance.now() - start;
  if (took > maxMs) throw new Error(`it took more than ${maxMs} ms`);
}

/** Thrown where nobody could catch it. */
class Stray extends Error {
  constructor(readonly error: unknown) {
    super(`uncaught: ${describe(error)}`);
  }
}

function isFinding(error: unknown): boolean {
  return !isAppError(error) || error.code === "internal";
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${String(error)}`;
  if (error instanceof Stray) return error.message;
  return error.stack?.split("\n").slice(0, 6).join("\n") ?? error.message;
}

function heapUsed(): number {
  collectGarbage();
  return Deno.memoryUsage().heapUsed;
}
