/**
 * All benchmarks, in the order in which they run: first those that want a quiet, fresh system.
 * @module
 */
import type { Benchmark } from "./benchmark.ts";
import { manyCommands, oneCommand } from "./commands.ts";
import { daemonStart, idleDaemon } from "./daemon_start.ts";
import { idleSessions } from "./idle_sessions.ts";
import { keystroke } from "./keystroke.ts";
import { manyNodes } from "./many_nodes.ts";
import { tools } from "./tools.ts";
import { transfers } from "./transfer.ts";

export const BENCHMARKS: readonly Benchmark[] = [
  oneCommand,
  ...transfers,
  manyCommands,
  keystroke,
  idleSessions,
  idleDaemon,
  daemonStart,
  tools,
  manyNodes,
];
