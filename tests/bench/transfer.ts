/**
 * Bulk data through a route, timed from its first byte to its last: connecting is not part of it.
 * @module
 */
import type { Benchmark } from "./benchmark.ts";
import { sharedCluster } from "./cluster.ts";
import { sharedSshd } from "./sshd_peer.ts";
import { AES128, CHACHA20, failure, READY, type Route } from "./route.ts";
import { ratioAtLeast, row } from "./row.ts";
import type { Setting } from "./setting.ts";
import { inTurn } from "./statistics.ts";

const MEGABYTE = 1e6;

/**
 * Local ends of a transfer, as bash scripts: `$1` is the number of bytes, what follows is the ssh call. They print
 * start and end in seconds and the number of bytes that arrived.
 */
const TAKE_READY = `dd bs=${READY.length} count=1 status=none`;
const NOW = "date +%s.%N";
const DOWNLOAD = `shift; "$@" | { ${TAKE_READY} >/dev/null; ${NOW}; wc -c; ${NOW}; }`;
const UPLOAD =
  `bytes=$1; shift; coproc "$@"; exec 3<&"\${COPROC[0]}" 4>&"\${COPROC[1]}"; ${TAKE_READY} <&3 >/dev/null; ` +
  `eval "exec \${COPROC[1]}>&-"; ${NOW}; head -c "$bytes" /dev/zero >&4; exec 4>&-; cat <&3; ${NOW}`;

/** @returns megabytes (of a million bytes) a second */
async function transfer(script: string, bytes: number, route: Route, args: string[]): Promise<number> {
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", script, "bash", String(bytes), "ssh", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const [start, arrived, end] = new TextDecoder().decode(stdout).trim().split(/\s+/).map(Number);
  if (start === undefined || end === undefined || arrived !== bytes) {
    throw failure(
      route,
      `a transfer of ${bytes} bytes`,
      `${arrived} arrived. ${new TextDecoder().decode(stderr)}`,
    );
  }
  return bytes / (end - start) / MEGABYTE;
}

function download(route: Route, bytes: number, cipher?: string): Promise<number> {
  const command = `printf ${READY}; exec head -c ${bytes} /dev/zero`;
  return transfer(DOWNLOAD, bytes, route, [...route.arguments(cipher), command]);
}

function upload(route: Route, bytes: number, cipher?: string): Promise<number> {
  return transfer(UPLOAD, bytes, route, [...route.arguments(cipher), `printf ${READY}; exec wc -c`]);
}

/** Output of a program on a terminal; ours is recorded. */
function terminalOutput(route: Route, bytes: number): Promise<number> {
  const command = `stty raw -echo; printf ${READY}; exec head -c ${bytes} /dev/zero`;
  return transfer(DOWNLOAD, bytes, route, ["-tt", ...route.arguments(), command]);
}

async function compare(
  setting: Setting,
  rounds: number,
  measure: (route: Route) => Promise<number>,
) {
  const { route: ours } = await sharedCluster(setting);
  const { route: sshd } = await sharedSshd(setting);
  return await inTurn(rounds, () => measure(ours), () => measure(sshd));
}

const BULK = 256 * 1024 * 1024;
const TERMINAL = 65 * 1024 * 1024;

function bulk(
  direction: "download" | "upload",
  short: string,
  cipher: string,
  goal: number,
): Benchmark {
  const measure = direction === "download" ? download : upload;
  return {
    name: `${direction}-${short}`,
    about: `bulk ${direction} through the proxy with ${cipher}`,
    async run(setting) {
      const bytes = setting.quick ? BULK / 4 : BULK;
      const measured = await compare(setting, setting.rounds(5, 2), (route) => measure(route, bytes, cipher));
      return [row(`${direction} ${short}`, "MB/s", ratioAtLeast(goal), measured)];
    },
  };
}

export const transfers: Benchmark[] = [
  bulk("download", "chacha20", CHACHA20, 1),
  bulk("upload", "chacha20", CHACHA20, 1.2),
  bulk("download", "aes128", AES128, 1),
  bulk("upload", "aes128", AES128, 1.2),
  {
    name: "recording",
    about: "output of a recorded terminal session, compared with sshd's unrecorded one",
    async run(setting) {
      const bytes = setting.quick ? TERMINAL / 5 : TERMINAL;
      const measured = await compare(
        setting,
        setting.rounds(5, 2),
        (route) => terminalOutput(route, bytes),
      );
      return [row("recorded PTY output", "MB/s", ratioAtLeast(1), measured)];
    },
  },
];
