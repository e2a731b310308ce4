import { assertEquals } from "@std/assert";
import { filterNodes, toggleLabel } from "./node_filter.ts";

const node = (hostname: string, labels: Record<string, string>) => ({
  id: `id-${hostname}`,
  hostname,
  addr: "10.0.0.1:3022",
  labels,
  logins: [],
});
const NODES = [
  node("web-10", { env: "prod", role: "web" }),
  node("web-2", { env: "prod", role: "web" }),
  node("db-1", { env: "test" }),
];

Deno.test("nodes fit when all words and all labels do, and come in the order of their names", () => {
  const names = (text: string, labels: string[] = []) =>
    filterNodes(NODES, text, labels).map((n) => n.hostname);
  assertEquals(names(""), ["db-1", "web-2", "web-10"]);
  assertEquals(names("WEB prod"), ["web-2", "web-10"]);
  assertEquals(names("web", ["env: test"]), []);
  assertEquals(names("", ["env: prod", "role: web"]), ["web-2", "web-10"]);
  assertEquals(names("id-db"), ["db-1"]);
});

Deno.test("a label is chosen and let go", () => {
  assertEquals(toggleLabel([], "env: prod"), ["env: prod"]);
  assertEquals(toggleLabel(["env: prod", "role: web"], "env: prod"), ["role: web"]);
});
