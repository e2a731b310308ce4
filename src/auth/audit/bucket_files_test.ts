import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { S3_KEYS, S3Server, withoutS3 } from "../../../tests/kit/s3.ts";
import { diskFiles } from "../../base/files.ts";
import { AppError } from "../../base/errors.ts";
import { BucketFiles } from "./bucket_files.ts";
import { Recordings } from "./recordings.ts";

const ignore = await withoutS3();
const server = ignore ? undefined : await S3Server.start();
globalThis.addEventListener("unload", () => server?.kill());

const HOST = "00000000-0000-4000-8000-000000000001";
const OTHER_HOST = "00000000-0000-4000-8000-000000000002";

/** The recordings of an auth server, with a disk of its own. */
async function authServer(prefix: string, { keys = S3_KEYS } = {}) {
  if (!server) throw new Error("there is no S3 server");
  const directory = await Deno.makeTempDir({ prefix: "teleport-test-" });
  const s3 = server.client(keys);
  const recordings = new Recordings(directory, new BucketFiles({ s3, prefix, directory, local: diskFiles }));
  await recordings.prepare();
  return {
    recordings,
    s3,
    local: () => Array.fromAsync(Deno.readDir(`${directory}/default`)),
    async [Symbol.asyncDispose]() {
      s3.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

const START = `{"event":"session.start","user":"joe","login":"root","time":"2026-01-01T00:00:00Z"}\n`;
const END = `{"event":"session.end","time":"2026-01-01T00:01:00Z"}\n`;

Deno.test(
  { name: "a recording that is over lies in the bucket, where every auth server finds it", ignore },
  async () => {
    await using one = await authServer("a/b");
    await using other = await authServer("a/b");
    const sid = crypto.randomUUID();
    await one.recordings.claim(sid, HOST);
    await one.recordings.append(sid, "bytes", Buffer.from("hello "), 0);
    await one.recordings.append(sid, "bytes", Buffer.from("world"), 6);
    await one.recordings.append(sid, "log", Buffer.from(START + END), 0);
    assertEquals((await one.recordings.list(10)).map((info) => info.sid), [sid]);
    assertEquals(await other.recordings.list(10), []); // it runs, on the other one's disk
    await one.recordings.finish(sid);
    assertEquals(await one.local(), []);
    const names = (await one.s3.list("a/b/")).map(({ name }) => name).sort();
    assertEquals(
      names,
      ["owner", "session.bytes", "session.log"].map((part) => `a/b/default/${sid}.${part}`),
    );
    for (const { recordings } of [one, other]) {
      const [info] = await recordings.list(10);
      assertEquals([info?.sid, info?.bytes, info?.complete, info?.user], [sid, 11, true, "joe"]);
      const { data, size } = await recordings.read(sid, "bytes", 6, 100);
      assertEquals([new TextDecoder().decode(data), size], ["world", 11]);
      assertEquals([...await recordings.participants(sid)], ["joe"]);
    }
    await other.recordings.remove(sid);
    assertEquals(await other.s3.list("a/b/"), []);
  },
);

Deno.test(
  { name: "a recording belongs to its host at every auth server, also after it is over", ignore },
  async () => {
    await using one = await authServer("owners");
    await using other = await authServer("owners");
    const sid = crypto.randomUUID();
    await one.recordings.claim(sid, HOST);
    await assertRejects(() => other.recordings.claim(sid, OTHER_HOST), AppError, "belongs to another host");
    await one.recordings.append(sid, "bytes", Buffer.from("mine"), 0);
    await one.recordings.finish(sid);
    await assertRejects(() => other.recordings.claim(sid, OTHER_HOST), AppError, "belongs to another host");
    await other.recordings.claim(sid, HOST);
    assertEquals(await other.recordings.size(sid, "bytes"), 4);
    await assertRejects(
      () => other.recordings.append(sid, "bytes", Buffer.from("x"), 4),
      AppError,
      "is complete",
    );
  },
);

// That signatures fit is proven by the examples of AWS (sign_test.ts): this server does not look at them.
Deno.test({
  name: "a host that changes to another auth server in the middle sends its recording anew",
  ignore,
}, async () => {
  await using one = await authServer("moved");
  await using other = await authServer("moved");
  const sid = crypto.randomUUID();
  await one.recordings.claim(sid, HOST);
  await one.recordings.append(sid, "bytes", Buffer.from("first "), 0);
  await other.recordings.claim(sid, HOST);
  assertEquals(await other.recordings.size(sid, "bytes"), 0);
  await other.recordings.append(sid, "bytes", Buffer.from("first second"), 0);
  await other.recordings.finish(sid);
  const { data } = await other.recordings.read(sid, "bytes", 0, 100);
  assertEquals(new TextDecoder().decode(data), "first second");
});

Deno.test(
  { name: "a large recording goes to the bucket in parts and comes back whole", ignore },
  async () => {
    await using one = await authServer("large");
    const sid = crypto.randomUUID();
    await one.recordings.claim(sid, HOST);
    const block = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 17; i++) {
      block.fill(i);
      await one.recordings.append(sid, "bytes", block, i * block.length);
    }
    await one.recordings.finish(sid);
    assertEquals(await one.recordings.size(sid, "bytes"), 17 * block.length);
    const { data } = await one.recordings.read(sid, "bytes", 16 * block.length - 1, 3);
    assertEquals([...data], [15, 16, 16]);
  },
);

Deno.test(
  { name: "wrong keys and a bucket that is not there are told, with the bucket's name", ignore },
  async () => {
    await using one = await authServer("wrong", { keys: { ...S3_KEYS, accessKey: "another" } });
    const error = await assertRejects(() => one.s3.list("wrong"), AppError);
    assertEquals(error.code, "access_denied");
    assert(
      error.message.includes("recordings-of-tests") && error.message.includes("InvalidAccessKeyId"),
      error.message,
    );
    if (!server) return;
    const none = server.client(S3_KEYS, "no-such-bucket");
    await assertRejects(() => none.list(""), AppError, "NoSuchBucket");
    none.close();
  },
);
