/**
 * A program for tests: a daemon whose roles crash on request. It reads role names, one a line, from standard input, and
 * writes what the supervisor reports, one JSON text a line, to standard output.
 * @module
 */
import { configHost } from "../../cli/host.ts";
import { writeDaemonState } from "../../src/daemon/data_directory.ts";
import { loadConfig } from "../../src/daemon/config/load.ts";
import { startDaemon } from "../../src/daemon/supervisor.ts";

if (import.meta.main) {
  const config = await loadConfig({ config: Deno.args[0] }, configHost());
  const daemon = await startDaemon(config, {
    write: () => {},
    report: (_level, component, text) => console.log(JSON.stringify(`${component}: ${text}`)),
    tell: () => {},
    reopen: () => {},
    lost: 0,
    close: () => Promise.resolve(),
  });
  await daemon.ready;
  await writeDaemonState(config.dataDir, { pid: Deno.pid, addresses: daemon.addresses });
  console.log(JSON.stringify("ready"));
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    for (const line of text.split("\n")) {
      for (const [role, process] of daemon.roles) {
        if (role === line) process.crash();
      }
    }
  }
  await daemon.stop();
  Deno.exit(0);
}
