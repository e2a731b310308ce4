import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { FilesHelper } from "../../../../tests/kit/files_helper.ts";
import { eventually } from "../../../../tests/kit/run.ts";
import { PacketStream } from "../../../ssh/sftp/packet_stream.ts";
import { PacketWriter } from "../../../ssh/sftp/packet_writer.ts";
import { MAX_PACKET, OpenFlag, PacketType, Status } from "../../../ssh/sftp/protocol.ts";
import { encodeRequest, type Request } from "../../../ssh/sftp/request.ts";
import { decodeResponse, encodeInit, type Response } from "../../../ssh/sftp/response.ts";
import { anyRequest } from "../../../ssh/sftp/testing/arbitrary.ts";

const encoder = new TextEncoder();

/** A client that says whatever it likes. */
class RawClient implements AsyncDisposable {
  readonly helper = FilesHelper.start({ type: "sftp", options: { readOnly: true, denied: [] } });
  readonly answers: { id: number; response: Response }[] = [];
  readonly #packets = new PacketStream();
  #versions = 0;
  #changed = Promise.withResolvers<void>();

  constructor(greet = true) {
    this.helper.stream.on("data", (piece: Uint8Array) => {
      for (const packet of this.#packets.take(piece)) {
        if (packet[0] === PacketType.VERSION) this.#versions++;
        else this.answers.push(decodeResponse(packet));
      }
      this.#changed.resolve();
      this.#changed = Promise.withResolvers<void>();
    });
    if (greet) this.send((writer) => encodeInit(writer));
  }

  get versions(): number {
    return this.#versions;
  }

  send(write: (writer: PacketWriter) => void): void {
    const writer = new PacketWriter();
    write(writer);
    this.helper.stream.write(writer.bytes());
  }

  sendBytes(bytes: Uint8Array): void {
    this.helper.stream.write(bytes);
  }

  /** Waits until so many answers are there. */
  async until(count: number): Promise<void> {
    while (this.answers.length < count) {
      await Promise.race([
        this.#changed.promise,
        this.helper.child.exit.then(() => Promise.reject(new Error("ended"))),
      ]);
    }
  }

  /** One request and its answer; for broken ones that still have a number. */
  async ask(write: (writer: PacketWriter) => void): Promise<Response | undefined> {
    const before = this.answers.length;
    this.send(write);
    await this.until(before + 1);
    return this.answers[before]?.response;
  }

  request(request: Request): Promise<Response | undefined> {
    return this.ask((writer) => encodeRequest(writer, 1, request));
  }

  /** How the process ended. */
  async end() {
    return await this.helper.child.exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.helper[Symbol.asyncDispose]();
  }
}

const statusOf = (response: Response | undefined) =>
  response?.type === "status" ? response.status : response?.type;

Deno.test("each of 2,000 odd requests has exactly one answer, with its own number", async () => {
  await using client = new RawClient();
  // Paths of noise name nothing; those that could block or be large are left to other tests.
  const requests = fc.sample(anyRequest, 2000);
  requests.forEach((request, id) => client.send((writer) => encodeRequest(writer, id, request)));
  await client.until(requests.length);
  assertEquals(client.answers.map(({ id }) => id), requests.map((_, id) => id));
});

Deno.test("noise of every type is answered or ends the session, and never crashes it", async () => {
  const types = Object.values(PacketType).filter((type) => type !== PacketType.INIT);
  const noise = fc.sample(
    fc.tuple(fc.constantFrom(...types), fc.uint8Array({ minLength: 4, maxLength: 200 })),
    2000,
  );
  await using client = new RawClient();
  for (const [type, rest] of noise) client.send((writer) => writer.begin(type).raw(rest).end());
  await client.until(noise.length);
  client.helper.stream.end();
  assertEquals(await client.end(), { code: 0 });
  assertEquals(client.helper.messages, "");
  assertEquals(client.helper.reports.filter(({ type }) => type === "fault"), []);
});

Deno.test("broken fields are a bad message", async () => {
  await using client = new RawClient();
  const broken: ((writer: PacketWriter) => void)[] = [
    (writer) => writer.begin(PacketType.OPEN).uint32(1).end(),
    (writer) => writer.begin(PacketType.STAT).uint32(1).uint32(0xffff_ffff).end(),
    (writer) => writer.begin(PacketType.STAT).uint32(1).uint32(5).raw(encoder.encode("abc")).end(),
    (writer) => writer.begin(PacketType.READ).uint32(1).string("h").end(),
    (writer) => writer.begin(PacketType.EXTENDED).uint32(1).end(),
    (writer) =>
      writer.begin(PacketType.EXTENDED).uint32(1).string("users-groups-by-id@openssh.com").string("abc")
        .string("").end(),
  ];
  for (const write of broken) assertEquals(statusOf(await client.ask(write)), Status.BAD_MESSAGE);
});

Deno.test("NUL bytes in paths are a bad message, whatever is asked", async () => {
  await using client = new RawClient();
  const path = encoder.encode("/etc/passwd\0.txt");
  const attributes = {};
  const requests: Request[] = [
    { type: "open", path, flags: OpenFlag.READ, attributes },
    { type: "stat", path },
    { type: "lstat", path },
    { type: "opendir", path },
    { type: "realpath", path },
    { type: "readlink", path },
    { type: "expand-path", path },
    { type: "statvfs", path },
  ];
  for (const request of requests) {
    assertEquals(statusOf(await client.request(request)), Status.BAD_MESSAGE, request.type);
  }
});

Deno.test("numbers that no file has are refused and nothing moves", async () => {
  await using client = new RawClient();
  const opened = await client.request({
    type: "open",
    path: encoder.encode("/etc/passwd"),
    flags: 1,
    attributes: {},
  });
  assert(opened?.type === "handle");
  const { handle } = opened;
  for (const offset of [2n ** 63n, 2n ** 64n - 1n, 2n ** 53n]) {
    const read = await client.ask((writer) =>
      writer.begin(PacketType.READ).uint32(1).string(handle).uint64(offset).uint32(10).end()
    );
    assertEquals(statusOf(read), Status.BAD_MESSAGE, String(offset));
  }
  const end = await client.request({ type: "read", handle, offset: Number.MAX_SAFE_INTEGER, length: 10 });
  assertEquals(statusOf(end), Status.EOF);
  const much = await client.request({ type: "read", handle, offset: 0, length: 0xffff_ffff });
  assert(much?.type === "data" && much.data.length === (await Deno.stat("/etc/passwd")).size);
  const nothing = await client.request({ type: "read", handle, offset: 0, length: 0 });
  assertEquals(nothing, { type: "data", data: new Uint8Array() });
});

Deno.test("handles that were never given, or not for this, are no handles", async () => {
  await using client = new RawClient();
  const folder = await client.request({ type: "opendir", path: encoder.encode("/") });
  assert(folder?.type === "handle");
  const strange = [
    new Uint8Array(),
    new Uint8Array(4),
    new Uint8Array(1000),
    Uint8Array.of(0, 0, 0, 99),
    encoder.encode("0003"),
  ];
  for (const handle of strange) {
    assertEquals(
      statusOf(await client.request({ type: "read", handle, offset: 0, length: 1 })),
      Status.FAILURE,
    );
    assertEquals(statusOf(await client.request({ type: "readdir", handle })), Status.FAILURE);
    assertEquals(statusOf(await client.request({ type: "close", handle })), Status.NO_SUCH_FILE);
  }
  const { handle } = folder;
  assertEquals(
    statusOf(await client.request({ type: "read", handle, offset: 0, length: 1 })),
    Status.FAILURE,
  );
  assertEquals(statusOf(await client.request({ type: "fstat", handle })), Status.FAILURE);
  assertEquals(statusOf(await client.request({ type: "close", handle })), Status.OK);
  assertEquals(statusOf(await client.request({ type: "readdir", handle })), Status.FAILURE);
});

Deno.test("what is not known is not supported", async () => {
  await using client = new RawClient();
  assertEquals(
    statusOf(await client.ask((writer) => writer.begin(99).uint32(1).end())),
    Status.OP_UNSUPPORTED,
  );
  const extension = await client.ask((writer) =>
    writer.begin(PacketType.EXTENDED).uint32(1).string("x@y").end()
  );
  assertEquals(statusOf(extension), Status.OP_UNSUPPORTED);
});

for (
  const [what, bytes, greet] of [
    ["a length beyond the bound", [0, 4, 0, 1], true],
    ["the largest length", [0xff, 0xff, 0xff, 0xff], true],
    ["an empty packet", [0, 0, 0, 0], true],
    ["a request without a number", [0, 0, 0, 2, 17, 0], true],
    ["a request before the version", [0, 0, 0, 5, 17, 0, 0, 0, 1], false],
  ] as const
) {
  Deno.test(`${what} ends the session at once`, async () => {
    await using client = new RawClient(greet);
    client.sendBytes(Uint8Array.from(bytes));
    assertEquals(await client.end(), { code: 1 });
    assertEquals(client.helper.reports.filter(({ type }) => type === "fault"), []);
  });
}

Deno.test("the largest packet is taken, byte by byte as well", async () => {
  await using client = new RawClient();
  const writer = new PacketWriter();
  const name = new Uint8Array(MAX_PACKET - 9).fill(0x61);
  writer.begin(PacketType.STAT).uint32(7).string(name).end();
  assertEquals(writer.length, MAX_PACKET + 4);
  client.sendBytes(writer.bytes().slice());
  await client.until(1);
  assertEquals([client.answers[0]?.id, statusOf(client.answers[0]?.response)], [7, Status.BAD_MESSAGE]); // too long
  writer.clear();
  writer.begin(PacketType.STAT).uint32(8).string("/").end();
  for (const byte of writer.bytes().slice()) client.sendBytes(Uint8Array.of(byte));
  await client.until(2);
  assertEquals(client.answers[1]?.response.type, "attributes");
});

Deno.test("a version is given as often as it is asked for", async () => {
  await using client = new RawClient();
  client.send((writer) => encodeInit(writer));
  await client.request({ type: "stat", path: encoder.encode("/") });
  assertEquals(client.versions, 2);
});

Deno.test("a client that does not read stops the process instead of filling its memory", async () => {
  await using client = new RawClient();
  const opened = await client.request({
    type: "open",
    path: encoder.encode("/proc/self/exe"),
    flags: 1,
    attributes: {},
  });
  assert(opened?.type === "handle");
  client.helper.child.stdout.pause();
  client.helper.stream.pause();
  const before = memoryOf(client.helper.child.pid);
  const { handle } = opened;
  for (let id = 0; id < 2000; id++) {
    client.send((writer) =>
      encodeRequest(writer, id, { type: "read", handle, offset: 0, length: 255 * 1024 })
    );
  }
  await eventually("the process to wait", () => {
    return /^State:\tS/m.test(Deno.readTextFileSync(`/proc/${client.helper.child.pid}/status`)) || undefined;
  });
  assert(memoryOf(client.helper.child.pid) - before < 20_000, "memory grew");
  client.helper.stream.resume();
  client.helper.stream.end();
  await client.end();
});

/** Kilobytes. */
function memoryOf(pid: number): number {
  return Number(/^VmRSS:\s*(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]);
}
