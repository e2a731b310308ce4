/**
 * What is counted: one registry a thread, filled by whoever does the work, read now and then by whoever shows it. Adding
 * costs an addition, and nothing depends on how the numbers are shown.
 * @module
 */

/** One number, with the name, help and labels of Prometheus' data model. */
export interface Metric {
  /** Lower case with underscores; counters end in `_total`. */
  name: string;
  help: string;
  type: "counter" | "gauge";
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** A number that only grows. */
export interface Counter {
  add(amount?: number): void;
}

const counters = new Map<string, Metric>();
/** More would be a label whose values somebody else chooses. */
const MAX_COUNTERS = 500;

/**
 * The counter of a name and labels; asked for twice, it is the same.
 * @param labels their values come from a closed set
 */
export function counter(name: string, help: string, labels: Readonly<Record<string, string>> = {}): Counter {
  const key = `${name} ${JSON.stringify(labels)}`;
  let metric = counters.get(key);
  if (!metric) {
    metric = { name, help, type: "counter", labels, value: 0 };
    if (counters.size < MAX_COUNTERS) counters.set(key, metric);
  }
  const counted = metric;
  return { add: (amount = 1) => void (counted.value += amount) };
}

/** All counters of this thread as they are now. */
export function countedSoFar(): Metric[] {
  return [...counters.values()].map((metric) => ({ ...metric }));
}
