/**
 * What a benchmark is.
 * @module
 */
import type { Row } from "./row.ts";
import type { Setting } from "./setting.ts";

/** One measurement or several that come out of the same run. */
export interface Benchmark {
  /** What `--only` calls it. */
  name: string;
  about: string;
  run(setting: Setting): Promise<Row[]>;
}
