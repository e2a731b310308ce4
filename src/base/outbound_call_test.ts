import { assertEquals, assertRejects } from "@std/assert";
import { createServer } from "node:http";
import { AppError } from "./errors.ts";
import { isPrivateAddress, outboundCall } from "./outbound_call.ts";

Deno.test("private, local, link and mapped addresses are told from public ones", () => {
  const inside = [
    ...[
      "127.0.0.1",
      "10.1.2.3",
      "172.31.0.1",
      "192.168.1.1",
      "169.254.169.254",
      "100.64.0.1",
      "0.0.0.0",
      "224.0.0.1",
    ],
    ...["::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:7f00:1", "64:ff9b::a00:1"],
    ...["255.255.255.255", "not an address"],
  ];
  for (const address of inside) assertEquals(isPrivateAddress(address), true, address);
  for (const address of ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "192.169.0.1"]) {
    assertEquals(isPrivateAddress(address), false, address);
  }
});

Deno.test("what a provider names may not lie in private places, what an administrator named may; no redirect is followed", async () => {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    response.writeHead(302, { location: "http://169.254.169.254/latest" }).end("moved");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const call = { port, tls: false, method: "GET", path: "/", timeoutMs: 5000, maxBody: 100 } as const;
  try {
    for (const host of ["127.0.0.1", "localhost"]) {
      await assertRejects(
        () => outboundCall({ ...call, host, isConfigured: false }, undefined),
        AppError,
        "no provider may name",
      );
    }
    assertEquals(asked, 0);
    const answer = await outboundCall({ ...call, host: "127.0.0.1", isConfigured: true }, undefined);
    assertEquals([answer.status, answer.text, asked], [302, "moved", 1]);
    // The secrets of cloud machines lie there, whoever names it.
    await assertRejects(
      () => outboundCall({ ...call, host: "169.254.169.254", isConfigured: true }, undefined),
      AppError,
      "no provider may name",
    );
    await assertRejects(
      () => outboundCall({ ...call, host: "127.0.0.1", isConfigured: true, maxBody: 2 }, undefined),
      AppError,
      "too large",
    );
  } finally {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
});
