import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type KeyPath, Positions } from "./positions.ts";

const TEXT = `# top
teleport:
  nodename: gw1 # teleport: no
  "data_dir": /x
  auth_servers: ["10.0.0.1:3025", b]
  log: {output: stderr, severity: "a: b, c"}
  note: |
    nodename: not a key
      more

    text
  ciphers:
  - a
  - b: 1
    c: 2
  after: 1
ssh_service:
  commands:
    - name: arch
      command: [uname,
        -p]
    - {name: up, period: 1m}
  labels: &l
    role: x
`;

Deno.test("Positions finds keys of block mappings, lists, flow collections and quoted keys", () => {
  const positions = new Positions(TEXT);
  const cases: [KeyPath, number, number][] = [
    [["teleport"], 2, 1],
    [["teleport", "nodename"], 3, 3],
    [["teleport", "data_dir"], 4, 3],
    [["teleport", "auth_servers"], 5, 3],
    [["teleport", "auth_servers", 0], 5, 18],
    [["teleport", "auth_servers", 1], 5, 35],
    [["teleport", "log", "output"], 6, 9],
    [["teleport", "log", "severity"], 6, 25],
    [["teleport", "note"], 7, 3],
    [["teleport", "ciphers", 0], 13, 3],
    [["teleport", "ciphers", 1, "b"], 14, 5],
    [["teleport", "ciphers", 1, "c"], 15, 5],
    [["teleport", "after"], 16, 3],
    [["ssh_service", "commands", 0, "name"], 19, 7],
    [["ssh_service", "commands", 0, "command", 1], 21, 9],
    [["ssh_service", "commands", 1, "period"], 22, 18],
    [["ssh_service", "labels", "role"], 24, 5],
  ];
  for (const [path, line, column] of cases) {
    assertEquals(positions.find(path), { line, column }, path.join("."));
  }
});

Deno.test("Positions falls back to the nearest ancestor", () => {
  const positions = new Positions(TEXT);
  assertEquals(positions.find(["teleport", "nodename", "x", 3]), { line: 3, column: 3 });
  assertEquals(positions.find(["nothing"]), undefined);
});

Deno.test("Positions handles other line ends and a byte order mark", () => {
  assertEquals(new Positions("\ufeffa: 1\r\nb:\r\n  c: 2\r\n").find(["b", "c"]), { line: 3, column: 3 });
});

Deno.test("Positions ends on any text", () => {
  const char = fc.constantFrom(..."ab:-[]{}&*!|>'\"%#,? \n\r\t");
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: char }), fc.string()), (text) => {
      new Positions(text).find(["a", 0, "b"]);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("Positions reads a large flow text in reasonable time", () => {
  new Positions("a: " + "[".repeat(500_000));
  new Positions("a: {" + "b: [1, 2], ".repeat(50_000) + "}");
  new Positions("'".repeat(300_001));
});
