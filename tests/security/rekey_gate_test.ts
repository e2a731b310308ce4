import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import { WireWriter } from "../../src/ssh/wire.ts";
import { channelMessage, openRaw, startTestServer } from "../kit/ssh_pair.ts";
import { MESSAGE } from "../kit/raw_ssh.ts";

Deno.test("from KEXINIT to NEWKEYS nothing leaves but the key exchange, however much there is to send", async () => {
  await using server = await startTestServer({
    session: () => ({
      exec: (channel) => {
        // As programs do it: some of it each turn, and no more than is taken.
        const more = () => {
          if (channel.writable) channel.write(Buffer.alloc(1000), () => setImmediate(more));
        };
        channel.on("error", () => {}); // the client leaves in the middle
        more();
      },
    }),
  });
  const client = await server.raw();
  const channel = await openRaw(client, "session", 0);
  assert(typeof channel === "number");
  client.send(channelMessage.request(channel, "exec", new WireWriter().string("flood").bytes()));
  // Room for all there will be: what the server waits for is never the window.
  client.send(new WireWriter().byte(93).uint32(channel).uint32(2 ** 30).bytes());
  let data = 0;
  /** Takes what comes until so many messages of data were there. */
  const take = async (count: number) => {
    for (const end = data + count; data < end;) {
      const message = await client.receive();
      assert(message, "the server hung up");
      if (message[0] !== 94) continue;
      data++;
    }
  };
  for (let round = 0; round < 3; round++) {
    const [exchange] = await Promise.all([client.rekey(), take(500)]);
    assertEquals(exchange[0], MESSAGE.kexInit);
    assertEquals(exchange.filter((number) => number < 20 || number > 49), [], `after ${data} messages`);
  }
  client.close();
});
