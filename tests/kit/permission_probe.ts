/**
 * The inside of a Worker that tries things and says what happened, for tests of permissions.
 * @module
 */
import { connect } from "node:net";
import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";

/** What to try, in order. */
export type Attempt =
  | { try: "read" | "readWithNode" | "write" | "list" | "openKv" | "dlopen" | "env" | "import"; path: string }
  | { try: "connect" | "connectWithNode" | "fetch"; port: number }
  | { try: "listen" | "run" | "runWithNode" | "hostname" | "allEnv" };

/** "done", or the name of the error. */
export type Outcome = string;

interface ProbeScope {
  postMessage(outcomes: Outcome[]): void;
  onmessage: ((event: MessageEvent<Attempt[]>) => void) | null;
}

/** Says which bytes a library is loaded for: none, loading is enough. */
const NO_SYMBOLS = {};

async function attempt(what: Attempt): Promise<void> {
  switch (what.try) {
    case "read":
      await Deno.readTextFile(what.path);
      return;
    case "readWithNode":
      readFileSync(what.path);
      return;
    case "write":
      await Deno.writeTextFile(what.path, "written by a probe");
      return;
    case "list":
      await Array.fromAsync(Deno.readDir(what.path));
      return;
    case "openKv": {
      const kv = await Deno.openKv(what.path);
      await kv.set(["probe"], 1);
      kv.close();
      return;
    }
    case "dlopen":
      Deno.dlopen(what.path, NO_SYMBOLS).close();
      return;
    case "env":
      Deno.env.get(what.path);
      return;
    case "allEnv":
      Deno.env.toObject();
      return;
    case "connect":
      (await Deno.connect({ hostname: "127.0.0.1", port: what.port })).close();
      return;
    case "connectWithNode":
      await new Promise<void>((resolve, reject) => {
        const socket = connect(what.port, "127.0.0.1", () => {
          socket.destroy();
          resolve();
        });
        socket.once("error", reject);
      });
      return;
    case "fetch":
      await (await fetch(`http://127.0.0.1:${what.port}/`)).body?.cancel();
      return;
    case "listen":
      Deno.listen({ hostname: "127.0.0.1", port: 0 }).close();
      return;
    case "run":
      await new Deno.Command("/bin/true").output();
      return;
    case "runWithNode": {
      const { error } = spawnSync("/bin/true");
      if (error) throw error;
      return;
    }
    case "hostname":
      Deno.hostname();
      return;
    case "import":
      await import(what.path);
      return;
  }
}

if (typeof Deno !== "undefined" && "postMessage" in self && !("document" in self)) {
  const scope = self as unknown as ProbeScope;
  scope.onmessage = async ({ data: attempts }) => {
    const outcomes: Outcome[] = [];
    for (const what of attempts) {
      try {
        await attempt(what);
        outcomes.push("done");
      } catch (error) {
        outcomes.push(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
      }
    }
    scope.postMessage(outcomes);
  };
}
