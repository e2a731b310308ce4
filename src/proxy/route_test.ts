import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { generateKey } from "../ssh/private_key.ts";
import { issueCertificate } from "../ssh/certificate.ts";
import type { Caller } from "../api/client.ts";
import { systemClock } from "../base/clock.ts";
import { AppError, isAppError } from "../base/errors.ts";
import type { ServerRecord } from "../model/server.ts";
import { NodeDirectory } from "./node_directory.ts";
import { type IsVisible, parseDestination, Router } from "./route.ts";

const ID = "5b5cbd5a-1f55-4a62-8d5a-4a4c0d6e2f10";

function node(change: Partial<ServerRecord> = {}): ServerRecord {
  return {
    id: ID,
    role: "node",
    name: "luna",
    address: "10.1.0.5:3022",
    labels: {},
    version: "1",
    lastSeen: 1,
    ...change,
  };
}

/** @param deaf addresses where nobody listens */
function routerFor(nodes: ServerRecord[], allowUnregistered = false, deaf: string[] = []) {
  const dialed: string[] = [];
  const api = { call: () => Promise.resolve([...nodes]) } as unknown as Caller;
  const key = generateKey();
  const template = {
    kind: "host" as const,
    key: key.publicKey,
    keyId: ID,
    principals: ["p"],
    validAfter: 0,
    validBefore: Infinity,
  };
  const certificate = issueCertificate(generateKey(), template);
  const router = new Router({
    cluster: () => "main",
    directory: new NodeDirectory(api),
    credentials: () => ({ cluster: "main", hostId: ID, key, certificate, authorities: [] }),
    dial: (host, port) => {
      dialed.push(`${host}:${port}`);
      if (!deaf.includes(`${host}:${port}`)) return Promise.resolve(new PassThrough());
      return Promise.reject(new AppError("unavailable", "nobody listens there"));
    },
    dialAuth: () => {
      dialed.push("auth");
      return Promise.resolve(new PassThrough());
    },
    clock: systemClock,
    allowUnregistered,
    links: {
      hostKeysOf: () => [],
      connect: (cluster, to) => {
        if (cluster !== "east") {
          return Promise.reject(new AppError("not_found", `cluster "${cluster}" is not known here`));
        }
        dialed.push(`east: ${to.kind === "auth" ? "auth" : `${to.host}:${to.port}`}`);
        return Promise.resolve(new PassThrough());
      },
    },
  });
  const go = async (text: string, visible: IsVisible = ({ labels }) => labels.env !== "secret") => {
    await router.connect(parseDestination(text), { address: "192.0.2.1", port: 5 }, visible);
    return dialed.at(-1);
  };
  return { go, dialed };
}

Deno.test("a destination is host:port, host:port@cluster or @cluster", () => {
  assertEquals(parseDestination("luna:3022"), { kind: "node", host: "luna", port: 3022, cluster: undefined });
  assertEquals(parseDestination("luna"), { kind: "node", host: "luna", port: 0, cluster: undefined });
  assertEquals(parseDestination("luna:0@east"), { kind: "node", host: "luna", port: 0, cluster: "east" });
  assertEquals(parseDestination("[fe80::1]:22"), {
    kind: "node",
    host: "fe80::1",
    port: 22,
    cluster: undefined,
  });
  assertEquals(parseDestination("@main"), { kind: "auth", cluster: "main" });
  for (const bad of ["", "@", "luna:", "luna:99999", "a b:1", "luna:1@", ":22", "x:y:1"]) {
    assertThrows(() => parseDestination(bad), AppError);
  }
});

Deno.test("no text makes the destination parser fail in another way than by refusing", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    try {
      parseDestination(text);
    } catch (error) {
      if (!isAppError(error, "bad_input")) throw error;
    }
  }));
});

Deno.test("what is in another cluster is looked for there, and only there", async () => {
  const { go, dialed } = routerFor([node()]);
  assertEquals(await go("luna:0@east"), "east: luna:0");
  assertEquals(await go("nobody:22@east"), "east: nobody:22");
  assertEquals(await go("@east"), "east: auth");
  assertEquals(await go("@main"), "auth");
  await assertRejects(() => go("luna@west"), AppError, 'cluster "west" is not known');
  await assertRejects(() => go("@west"), AppError, 'cluster "west" is not known');
  assertEquals(dialed.length, 4);
});

Deno.test("a node is found by name, name.cluster, uuid and address, with the usual ports", async () => {
  const { go } = routerFor([node()]);
  for (
    const name of [
      "luna:0",
      "luna:22",
      "luna:3022",
      "LUNA:3022",
      "luna.main:3022",
      `${ID}:0`,
      "10.1.0.5:3022",
    ]
  ) {
    assertEquals(await go(name), "10.1.0.5:3022", name);
  }
  assertEquals(await go("@main"), "auth");
});

Deno.test("what is no node of the cluster is not dialed, unless the configuration allows it", async () => {
  const { go, dialed } = routerFor([node()]);
  for (const name of ["127.0.0.1:22", "example.com:22", "luna:8080", "10.1.0.5:9"]) {
    await assertRejects(() => go(name), AppError, "no node is called", name);
  }
  await assertRejects(() => go("luna:0@elsewhere"), AppError, "not known here");
  assertEquals(dialed, []);
  assertEquals(await routerFor([], true).go("sshd.example.com:0"), "sshd.example.com:22");
});

Deno.test("an ambiguous name lists the candidates", async () => {
  const other = node({ id: "00000000-0000-4000-8000-000000000000", address: "10.1.0.6:3022" });
  const { go } = routerFor([node(), other]);
  const error = await assertRejects(() => go("luna:0"), AppError, "ambiguous");
  assertEquals(error.message.includes("10.1.0.5:3022") && error.message.includes("10.1.0.6:3022"), true);
});

Deno.test("a node that listens elsewhere since its last start is reached at once", async () => {
  const nodes = [node()];
  const { go, dialed } = routerFor(nodes, false, ["10.1.0.5:3022"]);
  await assertRejects(() => go("luna:0"), AppError, "nobody listens there");
  nodes[0] = node({ address: "10.1.0.5:4022" });
  assertEquals(await go("luna:0"), "10.1.0.5:4022");
  assertEquals(dialed, ["10.1.0.5:3022", "10.1.0.5:3022", "10.1.0.5:4022"]);
});

Deno.test("a node that is hidden from the client is not there for it, nor dialed by name", async () => {
  const hidden = node({ labels: { env: "secret" } });
  for (const allowUnregistered of [false, true]) {
    const { go, dialed } = routerFor([hidden], allowUnregistered);
    for (const name of ["luna:0", `${ID}:0`, "10.1.0.5:3022"]) {
      await assertRejects(() => go(name), AppError, "no node is called", name);
    }
    assertEquals(dialed, []);
  }
  const twin = node({ id: "00000000-0000-4000-8000-000000000000", address: "10.1.0.6:3022" });
  assertEquals(await routerFor([hidden, twin]).go("luna:0"), "10.1.0.6:3022");
});

Deno.test("a host that is not registered is for those only who may go to nodes without labels", async () => {
  const { go, dialed } = routerFor([node({ labels: { env: "staging" } })], true);
  const onlyStaging: IsVisible = ({ labels }) => labels.env === "staging";
  assertEquals(await go("luna:0", onlyStaging), "10.1.0.5:3022");
  await assertRejects(() => go("sshd.example.com:0", onlyStaging), AppError, "no node is called");
  assertEquals(dialed, ["10.1.0.5:3022"]);
});
