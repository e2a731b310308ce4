/**
 * The web interface that goes with this program. The proxy role may not read it by itself.
 * @module
 */
import type { UiBundle } from "../proxy/web/ui_bundle.ts";

/** What the build has packed; undefined in a fresh copy of the sources that was not built yet. */
export function readUi(): UiBundle | undefined {
  try {
    const { index, files }: UiBundle = JSON.parse(Deno.readTextFileSync(location()));
    return { index, files };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Below the sources' folder `dist`, or beside the chunks of the bundle. */
function location(): URL {
  const bundled = !new URL(import.meta.url).pathname.endsWith("/src/daemon/ui_file.ts");
  return new URL(bundled ? "./ui.json" : "../../dist/ui.json", import.meta.url);
}
