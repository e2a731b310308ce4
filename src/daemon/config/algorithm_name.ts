/**
 * One name in `ciphers`, `kex_algos` or `mac_algos`.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { type Algorithms, standingOf, usableNames } from "../../ssh/algorithms.ts";
import { quote } from "../../base/quote.ts";
import { didYouMean } from "../../base/suggest.ts";

/** A list of algorithms in the file. */
export interface AlgorithmKey {
  key: "ciphers" | "kex_algos" | "mac_algos";
  family: keyof Algorithms;
  /** As messages call one of them. */
  what: string;
}

export const ALGORITHM_KEYS = {
  ciphers: { key: "ciphers", family: "ciphers", what: "cipher" },
  kexAlgos: { key: "kex_algos", family: "kex", what: "KEX" },
  macAlgos: { key: "mac_algos", family: "macs", what: "MAC" },
} as const satisfies Record<string, AlgorithmKey>;

/**
 * The parser of one name.
 * @throws {AppError} bad_input for a name that nobody knows, with those that can be offered.
 */
export function algorithmName({ family, what }: AlgorithmKey): (text: string) => string {
  return (text) => {
    if (standingOf(family, text) !== undefined) return text;
    const usable = usableNames(family);
    throw new AppError(
      "bad_input",
      `${what} ${quote(text)} not supported; supported: ${usable.join(", ")}${didYouMean(text, usable)}`,
    );
  };
}
