/**
 * What comes over a stream in pieces: agent, sftp, scp, SOCKS, the relayed client address, JSON-RPC; and the packets in it.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { type Duplex, PassThrough } from "node:stream";
import { readSocksRequest } from "../../../cli/tsh/ssh/socks.ts";
import { readClientAddressLine, verifyClientAddressLine } from "../../../src/api/client_address.ts";
import { rpcConnection } from "../../../src/api/wire.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { AgentClient } from "../../../src/ssh/agent.ts";
import { relayAgent } from "../../../src/ssh/agent_relay.ts";
import type { ClientSession } from "../../../src/ssh/channel.ts";
import { downloadByScp } from "../../../src/ssh/scp/download.ts";
import { parseScpLine } from "../../../src/ssh/scp/lines.ts";
import { uploadByScp } from "../../../src/ssh/scp/upload.ts";
import { SftpClient } from "../../../src/ssh/sftp/client.ts";
import { decodeFileSystem, decodeLimits, decodeNames } from "../../../src/ssh/sftp/extended_answer.ts";
import { PacketWriter } from "../../../src/ssh/sftp/packet_writer.ts";
import { decodeRequest, encodeRequest, type Request } from "../../../src/ssh/sftp/request.ts";
import {
  decodeResponse,
  decodeVersion,
  encodeResponse,
  encodeVersion,
} from "../../../src/ssh/sftp/response.ts";
import { encodeModes, parseModes } from "../../../src/ssh/terminal_modes.ts";
import type { LocalFile, LocalFiles } from "../../../src/ssh/transfer/local_files.ts";
import { WireReader, WireWriter } from "../../../src/ssh/wire.ts";
import { streamPair } from "../../kit/stream_pair.ts";
import type { Random } from "../random.ts";
import { seedsOf } from "../seeds.ts";
import { type FuzzTarget, text } from "../target.ts";

/** Sends an input in a few pieces, then the end. */
function feed(stream: Duplex, input: Uint8Array, random: Random): void {
  stream.on("error", () => {}).resume();
  for (let at = 0; at < input.length;) {
    const size = random.once(2) ? input.length : 1 + random.below(64);
    if (stream.writable) stream.write(Buffer.from(input.subarray(at, at + size)));
    at += size;
  }
  stream.end();
}

function framed(...messages: Uint8Array[]): Uint8Array {
  const writer = new WireWriter();
  for (const message of messages) writer.string(message);
  return writer.bytes();
}

const bytesOf = (...values: number[]) => Uint8Array.from(values);

/** Lets go of a stream whatever became of the work. */
async function on<T>(stream: Duplex, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    stream.destroy();
  }
}

// --- agent --------------------------------------------------------------------------------------------------------

const blob = seedsOf("publicBlob")[0] ?? new Uint8Array();
const signature = seedsOf("signature")[0] ?? new Uint8Array();

const agentAnswers = () => [
  framed(new WireWriter().byte(12).uint32(2).string(blob).string("one").string(blob).string("two").bytes()),
  framed(new WireWriter().byte(14).string(signature).bytes()),
  framed(bytesOf(6)),
  framed(bytesOf(5)),
];

const agentRequests = () => [
  framed(bytesOf(11)),
  framed(bytesOf(11), new WireWriter().byte(13).string(blob).string("data").uint32(2).bytes()),
  framed(new WireWriter().byte(27).string("session-bind@openssh.com").string(blob).bytes(), bytesOf(11)),
  framed(new WireWriter().byte(25).string("ssh-ed25519").bytes(), bytesOf(19), bytesOf(22)),
];

/** Only these may come through to an agent. */
function checkRelayed(request: Buffer): void {
  const number = request[4] ?? 0;
  if (![11, 13, 27].includes(number)) throw new Error(`request ${number} reached the agent`);
}

// --- sftp and scp -------------------------------------------------------------------------------------------------

function packets(...write: ((writer: PacketWriter) => void)[]): Uint8Array {
  return Buffer.concat(write.map((one) => {
    const writer = new PacketWriter();
    one(writer);
    return writer.bytes().slice();
  }));
}

const path = bytesOf(0x2f, 0x78);
const attributes = { size: 5, owner: { uid: 1, gid: 2 }, mode: 0o644, times: { accessed: 1, modified: 2 } };
const requests: Request[] = [
  { type: "open", path, flags: 3, attributes },
  { type: "read", handle: path, offset: 5, length: 100 },
  { type: "write", handle: path, offset: 5, data: path },
  { type: "stat", path },
  { type: "rename", path, target: path },
  { type: "setstat", path, attributes },
  { type: "readdir", handle: path },
];

const responses = (id: number) => [
  (writer: PacketWriter) => encodeResponse(writer, id, { type: "attributes", attributes }),
  (writer: PacketWriter) => encodeResponse(writer, id, { type: "handle", handle: path }),
  (writer: PacketWriter) => encodeResponse(writer, id, { type: "data", data: path }),
  (writer: PacketWriter) =>
    encodeResponse(writer, id, { type: "name", files: [{ name: path, longName: path, attributes }] }),
  (writer: PacketWriter) => encodeResponse(writer, id, { type: "status", status: 2, message: path }),
];

const sessions = () => {
  const version = (writer: PacketWriter) => encodeVersion(writer, [["posix-rename@openssh.com", "1"]]);
  return [
    ...responses(1).map((one) => packets(version, one)),
    packets(version, ...responses(1).slice(0, 1), ...responses(2).slice(0, 4), ...responses(3)),
  ];
};

/** A disk that takes everything and forgets it. */
const files: LocalFiles = {
  info: (at) =>
    Promise.resolve({
      kind: /d$/.test(at) ? "directory" : "file",
      size: 5,
      mode: 0o644,
      accessed: 1,
      modified: 1,
    }),
  async *names() {
    await Promise.resolve();
    yield "a";
  },
  openToRead: () => Promise.resolve(openFile()),
  openToWrite: () => Promise.resolve(openFile()),
  makeDirectory: () => Promise.resolve(),
  setMode: () => Promise.resolve(),
  setTimes: () => Promise.resolve(),
};

function openFile(): LocalFile {
  let left = 5;
  return {
    read(into: Uint8Array) {
      const count = Math.min(left, into.length);
      left -= count;
      return Promise.resolve(count);
    },
    write: () => Promise.resolve(),
    seek: () => Promise.resolve(),
    truncate: () => Promise.resolve(),
    close: () => {},
  };
}

function session(stream: Duplex): ClientSession {
  return {
    stream,
    stderr: new PassThrough(),
    exit: Promise.resolve({ code: 0 }),
    refused: new Set(),
    endOutput: () => {},
    resize: () => {},
    signal: () => {},
    break: () => Promise.resolve(false),
    close: () => stream.destroy(),
  };
}

const STALL_MS = 500;

export const streamTargets: FuzzTarget[] = [
  {
    name: "wire_reader",
    seeds: () => [framed(blob, signature), new WireWriter().boolean(true).uint64(7n).string("x").bytes()],
    run(input, random) {
      const reader = new WireReader(Buffer.from(input));
      const reads = ["byte", "boolean", "uint32", "uint64", "string", "text"] as const;
      while (reader.remaining > 0) reader[random.pick(reads)]();
      reader.end();
    },
  },
  {
    name: "terminal_modes",
    seeds: () => [encodeModes(new Map([[1, 3], [53, 1], [128, 38400]])), bytesOf(0), bytesOf(160, 1)],
    run: (input) => void encodeModes(parseModes(input)),
  },
  {
    name: "agent_client",
    seeds: agentAnswers,
    async run(input, random) {
      const client = new AgentClient(() => {
        const [ours, theirs] = streamPair();
        feed(theirs, input, random);
        return Promise.resolve(ours);
      });
      if (random.once(2)) await client.list();
      else await client.sign(blob, blob, "rsa-sha2-512");
    },
  },
  {
    name: "agent_relay",
    seeds: agentRequests,
    async run(input, random) {
      const [asker, program] = streamPair();
      const [agent, socket] = streamPair();
      const reached: Buffer[] = [];
      socket.on("error", () => {}).on("data", (request: Buffer) => {
        reached.push(request);
        if (socket.writable) socket.write(framed(bytesOf(5)));
      });
      feed(program, input, random);
      await relayAgent(asker, agent);
      for (const request of reached) checkRelayed(request);
    },
  },
  {
    name: "sftp_request",
    seeds: () =>
      requests.map((request, id) => packets((writer) => encodeRequest(writer, id, request)).subarray(4)),
    run: (input) => void decodeRequest(input),
  },
  {
    name: "sftp_response",
    seeds: () => [
      ...responses(1).map((one) => packets(one).subarray(4)),
      packets((writer) => encodeVersion(writer, [["a", "1"], ["b", "2"]])).subarray(4),
      new Uint8Array(88),
    ],
    run(input, random) {
      const decode: ((input: Uint8Array) => unknown)[] = [
        decodeResponse,
        decodeVersion,
        decodeLimits,
        decodeFileSystem,
        decodeNames,
      ];
      random.pick(decode)(input);
    },
  },
  {
    name: "sftp_client",
    seeds: sessions,
    async run(input, random) {
      const [ours, theirs] = streamPair();
      ours.on("error", () => {});
      feed(theirs, input, random);
      await on(ours, async () => {
        const client = await SftpClient.start(ours, { startMs: STALL_MS, stallMs: STALL_MS });
        await Promise.allSettled([client.stat("/x"), client.realPath("/x"), client.readLink("/x")]);
        for await (const _ of client.list("/x"));
      });
    },
  },
  {
    name: "scp_line",
    seeds: () => text("C0644 5 name", "D0755 0 dir", "E", "T1 0 2 0", "\x01warning", "\x02fatal"),
    run: (input) => void parseScpLine(input),
  },
  {
    name: "scp_download",
    seeds: () =>
      text(
        "C0644 5 name\nhello\0",
        "T1 0 2 0\nD0755 0 d\nC0644 5 a\nhello\0E\n",
        "\x01warning\nC0644 0 a\n\0",
        "\x02fatal\n",
        "C0644 99999999999999 a\n",
      ),
    async run(input, random) {
      const [ours, theirs] = streamPair();
      ours.on("error", () => {});
      feed(theirs, input, random);
      const options = {
        recursive: random.once(2),
        preserve: true,
        stallMs: STALL_MS,
        trustNames: random.once(2),
      };
      await on(ours, () => downloadByScp(session(ours), files, "*", random.once(2) ? "/d" : "/x", options));
    },
  },
  {
    name: "scp_upload",
    seeds: () => text("\0\0\0", "\0\0\0\0\0\0\0", "\0\x01no\n\0", "\x02fatal\n", "ssh: banner\n\0\0\0"),
    async run(input, random) {
      const [ours, theirs] = streamPair();
      ours.on("error", () => {});
      feed(theirs, input, random);
      const options = { recursive: true, preserve: true, stallMs: STALL_MS };
      await on(
        ours,
        () => uploadByScp(session(ours), files, random.once(2) ? ["/d"] : ["/x", "/y"], options),
      );
    },
  },
  {
    name: "socks",
    seeds: () => [
      bytesOf(5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 80, 9, 9),
      bytesOf(5, 2, 0, 2, 5, 1, 0, 3, 1, 0x61, 0, 80),
      bytesOf(5, 1, 0, 5, 1, 0, 4, ...new Uint8Array(16), 0, 80),
      bytesOf(4, 1, 0, 80, 127, 0, 0, 1, 0),
      bytesOf(4, 1, 0, 80, 0, 0, 0, 1, 0x75, 0, 0x61, 0),
    ],
    async run(input, random) {
      const [ours, theirs] = streamPair();
      ours.on("error", () => {}).once("end", () => ours.destroy());
      feed(theirs, input, random);
      await on(ours, () => readSocksRequest(ours).then(({ answer }) => answer(true)));
    },
  },
  {
    name: "client_address",
    seeds: () =>
      text(
        'Teleport-Proxy{"client":{"address":"1.2.3.4","port":5},"time":1,"certificate":"x","signature":"eA=="}\0SSH-2.0-x',
        "SSH-2.0-x\r\n",
        "Teleport-Proxy{}\0",
      ),
    async run(input, random) {
      const [ours, theirs] = streamPair();
      ours.on("error", () => {});
      feed(theirs, input, random);
      const trust = { cluster: "c", user: [], host: [] };
      await on(ours, async () => {
        const line = await readClientAddressLine(ours as Socket, 10);
        if (line) verifyClientAddressLine(line, "node", trust, systemClock);
      });
    },
  },
  {
    name: "json_rpc",
    seeds: () => [
      framed(...text('{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":1}}')),
      framed(...text('{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}')),
      framed(
        ...text('{"jsonrpc":"2.0","id":1,"result":null}', '{"jsonrpc":"2.0","id":2,"error":{"code":1}}'),
      ),
      framed(...text('[{"jsonrpc":"2.0","id":1,"method":"a"}]', "[]", "null")),
      framed(...text('{"jsonrpc":"2.0","method":"$/progress","params":{"token":1,"value":2}}')),
    ],
    async run(input, random) {
      const [ours, theirs] = streamPair();
      ours.on("error", () => {});
      const connection = rpcConnection(ours, 4096);
      connection.onError(() => {});
      connection.onUnhandledNotification(() => {});
      connection.onRequest("a", () => 1);
      connection.onRequest((method) => Promise.reject(new Error(`no ${method}`)));
      const closed = new Promise<void>((resolve) => connection.onClose(resolve));
      connection.listen();
      feed(theirs, input, random);
      await closed;
      connection.dispose();
      ours.destroy();
    },
  },
];
