import { assertEquals, assertStringIncludes } from "@std/assert";
import { prometheusText } from "./prometheus.ts";
import type { DaemonReport } from "./report.ts";

const REPORT: DaemonReport = {
  version: '1.0"\n',
  runtime: "",
  pid: 1,
  uptimeMs: 61_000,
  hostId: "",
  nodename: "",
  configDigest: "",
  memory: { rss: 1000, heapTotal: 0, heapUsed: 0, external: 0 },
  cpu: { user: 1000, system: 500 },
  logLinesLost: 0,
  listeners: {},
  roles: (["proxy", "node"] as const).map((role) => ({
    role,
    phase: "ready",
    restarts: 2,
    lastFailure: undefined,
    ciphers: undefined,
    authLostMs: undefined,
    worker: {
      state: { clients: 1, authConnected: true, counts: { connections: 3 } },
      metrics: [{ name: "x_total", help: "X", type: "counter", labels: { result: "ok" }, value: 7 }],
      memory: { heapUsed: 5, heapTotal: 0, external: 0 },
    },
  })),
};

Deno.test("metrics are in Prometheus' text format: a name's samples together, labels escaped", () => {
  const text = prometheusText(REPORT);
  assertStringIncludes(text, 'teleport_build_info{version="1.0\\"\\n"} 1\n');
  assertStringIncludes(text, "process_cpu_seconds_total 1.5\n");
  assertStringIncludes(
    text,
    `# HELP x_total X\n# TYPE x_total counter\nx_total{role="proxy",result="ok"} 7\nx_total{role="node",result="ok"} 7\n`,
  );
  assertStringIncludes(text, 'teleport_connections{role="proxy"} 3\nteleport_connections{role="node"} 3\n');
  const line = /^(?:# (?:HELP|TYPE) [a-z_]+ .+|[a-z_]+(?:\{(?:[a-z]+="(?:[^"\\\n]|\\.)*",?)+\})? [\d.]+)$/;
  assertEquals(text.trimEnd().split("\n").filter((text) => !line.test(text)), []);
  const types = text.split("\n").filter((line) => line.startsWith("# TYPE")).map((line) =>
    line.split(" ")[2]
  );
  assertEquals(new Set(types).size, types.length);
});
