/**
 * Where the code of a Worker lies.
 * @module
 */

/** Beside this file in the sources; in the bundle of `deno task build`, below the folder of the chunks. */
export function workerUrl(name: string): URL {
  const bundled = !new URL(import.meta.url).pathname.endsWith("/src/daemon/worker_url.ts");
  return new URL(bundled ? `./src/daemon/workers/${name}.js` : `./workers/${name}.ts`, import.meta.url);
}
