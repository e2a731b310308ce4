/**
 * The tests in parts that can run beside each other: whole clusters wait a good deal of their time. What a part prints is
 * shown when it is done, so that parts do not mix.
 * @module
 */

/** Files below these are many seconds each; so many of them are a part. */
const SLOW = ["tests/e2e", "tests/security", "tests/interop"];
const FILES_OF_A_PART = 5;
/** Everything else is one part. */
const QUICK = ["cli", "scripts", "src", "tests/fuzz", "tests/kit", "tests/bench"];

/** Files and folders for one call of `deno test`. */
export async function testParts(root: string): Promise<string[][]> {
  const parts: string[][] = [];
  for (const folder of SLOW) {
    const files: string[] = [];
    for await (const { name } of Deno.readDir(`${root}${folder}`)) {
      if (/_test\.tsx?$/.test(name)) files.push(`${folder}/${name}`);
    }
    files.sort();
    const count = Math.ceil(files.length / FILES_OF_A_PART);
    // Dealt out like cards: neighbours by name are often alike, and slow together.
    for (let part = 0; part < count; part++) parts.push(files.filter((_, index) => index % count === part));
  }
  return [...parts, QUICK];
}

/**
 * Runs parts, some at a time.
 * @param run runs one and settles when it is done
 */
export async function runParts(
  parts: readonly string[][],
  atOnce: number,
  run: (part: string[], index: number) => Promise<boolean>,
): Promise<boolean> {
  const waiting = parts.map((part, index) => ({ part, index }));
  let good = true;
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      good = await run(next.part, next.index) && good;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return good;
}
