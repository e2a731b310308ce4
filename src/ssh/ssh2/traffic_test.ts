import { assertEquals, assertGreater } from "@std/assert";
import { channelMessage, openRaw, startTestServer } from "../../../tests/kit/ssh_pair.ts";
import type { ServerSessionChannel } from "../server_session.ts";
import { WireWriter } from "../wire.ts";

Deno.test("data counts as traffic in both directions; requests, opens and keep-alives do not", async () => {
  const { promise: running, resolve: run } = Promise.withResolvers<ServerSessionChannel>();
  await using server = await startTestServer({
    session: () => ({
      exec: (channel) => {
        run(channel);
        return new Promise<void>((resolve) => channel.once("close", resolve));
      },
    }),
  });
  const connected = server.connection();
  const client = await server.raw();
  const connection = await connected;
  const id = await openRaw(client, "session", 7);
  client.send(channelMessage.request(Number(id), "exec", new WireWriter().string("x").bytes()));
  const channel = await running;
  client.send(channelMessage.global("keepalive@openssh.com"));
  client.send(channelMessage.request(Number(id), "keepalive@openssh.com"));
  assertEquals(connection.traffic(), 0);

  const received = new Promise((resolve) => channel.once("data", resolve));
  client.send(channelMessage.data(Number(id), new TextEncoder().encode("in")));
  await received;
  const afterInput = connection.traffic();
  assertEquals(afterInput, 1, "what came before was no data");
  channel.write("out");
  const afterOutput = connection.traffic();
  assertGreater(afterOutput, afterInput);
  channel.stderr.write("error");
  assertGreater(connection.traffic(), afterOutput);
});
