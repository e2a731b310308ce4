import { assertEquals } from "@std/assert";
import { ansibleInventory, type InventoryNode } from "./ansible.ts";

Deno.test("nodes become hosts, labels become groups", () => {
  const nodes: InventoryNode[] = [{ name: "luna", labels: { env: "prod", "os version": "12" } }, {
    name: "terra",
    labels: { env: "prod" },
  }];
  assertEquals(ansibleInventory(nodes, "main"), {
    all: {
      hosts: {
        "luna.main": { teleport_labels: { env: "prod", "os version": "12" } },
        "terra.main": { teleport_labels: { env: "prod" } },
      },
      children: {
        env_prod: { hosts: { "luna.main": {}, "terra.main": {} } },
        os_version_12: { hosts: { "luna.main": {} } },
      },
    },
  });
});

Deno.test("a node cannot put a template into the inventory, or a name that is none", () => {
  const evil = "{{ lookup('pipe', 'id') }}";
  const nodes: InventoryNode[] = [{ name: "a b", labels: {} }, {
    name: "luna",
    labels: { x: evil, [evil]: "y", z: "{% raw %}", ok: "1" },
  }];
  assertEquals(ansibleInventory(nodes, "main"), {
    all: {
      hosts: { "luna.main": { teleport_labels: { ok: "1" } } },
      children: { ok_1: { hosts: { "luna.main": {} } } },
    },
  });
});
