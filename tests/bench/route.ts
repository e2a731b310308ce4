/**
 * A way to a shell by stock ssh: through our proxy to our node, or through one sshd to another.
 * @module
 */
import type { Setting } from "./setting.ts";

/** Everything but the command of an ssh call. */
export interface Route {
  readonly name: "ours" | "sshd";
  /** @param cipher for both connections, the one to the hop and the one through it */
  arguments(cipher?: string): string[];
}

export const CHACHA20 = "chacha20-poly1305@openssh.com";
export const AES128 = "aes128-gcm@openssh.com";

/** The key exchange of both sides. */
export const KEX = "curve25519-sha256";

/** Adds a cipher to the call itself and to the ProxyCommand in it. */
export function withCipher(args: readonly string[], cipher: string | undefined): string[] {
  if (cipher === undefined) return [...args];
  return ["-c", cipher, ...args.map((arg) => arg.replace(/^ProxyCommand=ssh /, `$&-c ${cipher} `))];
}

/** Runs a command through a route to its end. @returns milliseconds from start to end */
export async function timeCommand(route: Route, command: string): Promise<number> {
  const start = performance.now();
  const { code, stderr } = await new Deno.Command("ssh", {
    args: [...route.arguments(), command],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  const elapsed = performance.now() - start;
  if (code !== 0) throw failure(route, command, new TextDecoder().decode(stderr));
  return elapsed;
}

/** A running command and what it said first. */
export interface Session {
  write(data: Uint8Array): Promise<void>;
  /** The next bytes of output; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  end(): Promise<void>;
}

/** What commands print when they are ready. */
export const READY = "go.";

/** Starts a command on a terminal; settles when the command has printed READY. */
export async function openTerminal(setting: Setting, route: Route, command: string): Promise<Session> {
  const { process, end } = setting.spawn("ssh", ["-tt", ...route.arguments(), command], {
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const complaints = new Response(process.stderr).text();
  const writer = process.stdin.getWriter();
  const reader = process.stdout.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes(READY)) {
    const { value, done } = await reader.read();
    if (done) throw failure(route, command, text + await complaints);
    text += decoder.decode(value, { stream: true });
  }
  return {
    write: (data) => writer.write(data),
    read: async () => (await reader.read()).value,
    end: async () => {
      await end();
      await Promise.allSettled([writer.close(), reader.cancel(), complaints]); // the other ends are gone by now
    },
  };
}

export function failure(route: Route, command: string, said: string): Error {
  return new Error(`"${command}" failed through ${route.name}: ${said.trim() || "no message"}`);
}
