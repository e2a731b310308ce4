/**
 * Summaries of repeated measurements.
 * @module
 */

/** The middle value; of an even number, the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return low === undefined || high === undefined ? NaN : (low + high) / 2;
}

/** The value that `share` (0 to 1) of all values do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** The measurements of both sides of a comparison. */
export interface Pair {
  ours: number[];
  sshd: number[];
}

/** Measures both sides in turn, `rounds` times each, so that a slow moment of the machine meets both. */
export async function inTurn(
  rounds: number,
  ours: () => Promise<number>,
  sshd: () => Promise<number>,
): Promise<Pair> {
  const pair: Pair = { ours: [], sshd: [] };
  for (let round = 0; round < rounds; round++) {
    pair.ours.push(await ours());
    pair.sshd.push(await sshd());
  }
  return pair;
}

/** Runs `work` once for each number below `count`, at most `atOnce` of them at the same time. */
export async function inParallel(
  count: number,
  atOnce: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, worker));
}

/** Waits, for states that must last a while to be measured. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
