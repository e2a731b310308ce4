/**
 * One valid message of every kind, and inputs that are sequences of them.
 * @module
 */
import { Buffer } from "node:buffer";
import { isAppError } from "../../../src/base/errors.ts";
import { WireReader, WireWriter } from "../../../src/ssh/wire.ts";
import { authRequest } from "../../kit/raw_ssh.ts";
import { channelMessage } from "../../kit/ssh_pair.ts";
import { plainPacket } from "../../kit/tampering.ts";
import { seedsOf } from "../seeds.ts";

const message = (number: number) => new WireWriter().byte(number);
const string = (text: string) => new WireWriter().string(text).bytes();

/** An input: messages as SSH strings, one after the other. */
export function sequence(...messages: Uint8Array[]): Uint8Array {
  const writer = new WireWriter();
  for (const one of messages) writer.string(one);
  return writer.bytes();
}

/** The messages of an input, however its framing was mutated; the rest that fits no frame is one more. */
export function messagesOf(input: Uint8Array): Uint8Array[] {
  const reader = new WireReader(Buffer.from(input));
  const found: Uint8Array[] = [];
  while (reader.remaining > 0 && found.length < 200) {
    const rest = new WireReader(Buffer.from(input.subarray(input.length - reader.remaining)));
    try {
      found.push(Buffer.from(reader.string()));
    } catch (error) {
      if (!isAppError(error)) throw error;
      found.push(Buffer.from(rest.rest()));
      break;
    }
  }
  return found.filter((one) => one.length > 0 && one.length <= 30_000);
}

/** The messages as they travel before keys are in use. */
export function plainBytes(line: string, messages: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from(line), ...messages.map(plainPacket)]);
}

function kexInit(side: "c" | "s", strict = true): Uint8Array {
  const marker = strict ? `kex-strict-${side}-v00@openssh.com` : "x";
  const writer = message(20).raw(new Uint8Array(16)).string(`curve25519-sha256,ext-info-${side},${marker}`)
    .string("ssh-ed25519-cert-v01@openssh.com");
  for (const list of ["aes256-gcm@openssh.com", "hmac-sha2-256-etm@openssh.com", "none", ""]) {
    writer.string(list).string(list);
  }
  return writer.boolean(false).uint32(0).bytes();
}

const transport = [
  message(1).uint32(2).string("bye").string("").bytes(),
  message(2).string("ignored").bytes(),
  message(3).uint32(7).bytes(),
  message(4).boolean(true).string("debug").string("").bytes(),
  message(5).string("ssh-userauth").bytes(),
  message(6).string("ssh-userauth").bytes(),
  message(7).uint32(1).string("server-sig-algs").string("ssh-ed25519,rsa-sha2-256").bytes(),
  message(192).string("ping").bytes(),
];

const point = new Uint8Array(32).fill(9);
const certificate = seedsOf("certificateBlob")[0] ?? point;
const signature = seedsOf("signature")[0] ?? point;

/** Before keys are in use. */
export function exchangeSeeds(side: "c" | "s"): Uint8Array[] {
  const init = kexInit(side);
  const reply = message(31).string(certificate).string(point).string(signature).bytes();
  const next = side === "c" ? message(30).string(point).bytes() : reply;
  const newKeys = Uint8Array.of(21);
  return [
    sequence(init),
    sequence(init, next),
    sequence(init, next, newKeys),
    sequence(kexInit(side, false), next, newKeys),
    sequence(...transport.slice(0, 4), init),
    sequence(init, init),
  ];
}

const auth = [
  authRequest("joe", "none"),
  authRequest("joe", "password", new WireWriter().boolean(false).string("secret").bytes()),
  authRequest("joe", "password", new WireWriter().boolean(true).string("old").string("new").bytes()),
  authRequest("joe", "keyboard-interactive", new WireWriter().string("").string("").bytes()),
  authRequest(
    "joe",
    "hostbased",
    new WireWriter().string("ssh-ed25519").string(certificate).string("h").string("u").string(signature)
      .bytes(),
  ),
  ...seedsOf("certificateBlob").map((blob) => {
    const algorithm = new WireReader(Buffer.from(blob)).text();
    return authRequest(
      "joe",
      "publickey",
      new WireWriter().boolean(true).string(algorithm).string(blob).string(signature).bytes(),
    );
  }),
  authRequest(
    "joe",
    "publickey",
    new WireWriter().boolean(false).string("ssh-ed25519").string(seedsOf("publicBlob")[0] ?? point).bytes(),
  ),
  message(61).uint32(1).string("answer").bytes(),
];

export const authSeeds = (): Uint8Array[] => [
  ...auth.map((one) => sequence(one)),
  sequence(...auth),
  sequence(...transport.slice(1, 4), ...auth.slice(0, 3)),
  ...transport.map((one) => sequence(one)),
];

const target = new WireWriter().string("127.0.0.1").uint32(1).string("127.0.0.1").uint32(2).bytes();
const modes = new WireWriter().byte(53).uint32(1).byte(0).bytes();
const pty = new WireWriter().string("xterm").uint32(80).uint32(24).uint32(0).uint32(0).string(modes).bytes();

const opens = [
  channelMessage.open("session", 0),
  channelMessage.open("direct-tcpip", 1, target),
  channelMessage.open(
    "direct-streamlocal@openssh.com",
    2,
    new WireWriter().string("/x").string("").uint32(0).bytes(),
  ),
  channelMessage.open("forwarded-tcpip", 3, target),
  channelMessage.open(
    "forwarded-streamlocal@openssh.com",
    4,
    new WireWriter().string("/x").string("").bytes(),
  ),
  channelMessage.open("x11", 5, new WireWriter().string("127.0.0.1").uint32(6000).bytes()),
  channelMessage.open("auth-agent@openssh.com", 6),
  channelMessage.open("tun@openssh.com", 7, new WireWriter().uint32(1).uint32(2).bytes()),
];

const requests: [string, Uint8Array][] = [
  ["pty-req", pty],
  ["env", new WireWriter().string("LANG").string("C").bytes()],
  ["window-change", new WireWriter().uint32(80).uint32(24).uint32(0).uint32(0).bytes()],
  ["signal", string("TERM")],
  ["break", new WireWriter().uint32(500).bytes()],
  ["x11-req", new WireWriter().boolean(false).string("MIT-MAGIC-COOKIE-1").string("00ff").uint32(0).bytes()],
  ["auth-agent-req@openssh.com", new Uint8Array()],
  ["shell", new Uint8Array()],
  ["exec", string("id")],
  ["subsystem", string("sftp")],
  ["exit-status", new WireWriter().uint32(1).bytes()],
  ["exit-signal", new WireWriter().string("TERM").boolean(false).string("").string("").bytes()],
  ["eow@openssh.com", new Uint8Array()],
  ["xon-xoff", new WireWriter().boolean(true).bytes()],
];

const globals: [string, Uint8Array][] = [
  ["tcpip-forward", new WireWriter().string("127.0.0.1").uint32(0).bytes()],
  ["cancel-tcpip-forward", new WireWriter().string("127.0.0.1").uint32(0).bytes()],
  ["streamlocal-forward@openssh.com", string("/x")],
  ["cancel-streamlocal-forward@openssh.com", string("/x")],
  ["keepalive@openssh.com", new Uint8Array()],
  ["hostkeys-00@openssh.com", string("x")],
  ["no-more-sessions@openssh.com", new Uint8Array()],
];

const data = new Uint8Array(100).fill(65);

/** After the login, of either side. */
export function channelSeeds(): Uint8Array[] {
  const open = channelMessage.open("session", 0);
  const on = (...messages: Uint8Array[]) => sequence(open, ...messages);
  return [
    ...opens.map((one) => sequence(one)),
    sequence(...opens),
    ...requests.map(([type, fields]) => on(channelMessage.request(0, type, fields))),
    on(
      ...requests.slice(0, 9).map(([type, fields]) => channelMessage.request(0, type, fields)),
      channelMessage.data(0, data),
      channelMessage.eof(0),
      channelMessage.close(0),
    ),
    on(channelMessage.request(0, "exec", string("cat")), channelMessage.data(0, data), channelMessage.eof(0)),
    on(channelMessage.data(0, data), channelMessage.extendedData(0, data), channelMessage.close(0)),
    on(channelMessage.close(0), channelMessage.close(0), channelMessage.data(0, data)),
    on(channelMessage.eof(0), channelMessage.request(0, "shell"), channelMessage.eof(0)),
    on(message(93).uint32(0).uint32(0xffff_ffff).bytes(), channelMessage.request(0, "exec", string("cat"))),
    ...globals.map(([name, fields]) => sequence(channelMessage.global(name, fields))),
    sequence(...globals.map(([name, fields]) => channelMessage.global(name, fields, name.length % 2 === 0))),
    sequence(
      message(81).bytes(),
      message(82).bytes(),
      message(99).uint32(0).bytes(),
      message(100).uint32(0).bytes(),
    ),
    sequence(
      channelMessage.confirm(0, 0),
      channelMessage.confirm(1, 7),
      message(93).uint32(0).uint32(9).bytes(),
    ),
    sequence(message(92).uint32(0).uint32(1).string("no").string("").bytes(), channelMessage.data(0, data)),
    ...transport.map((one) => sequence(one)),
  ];
}

export const authAnswers = (): Uint8Array[] => [
  sequence(message(51).string("publickey").boolean(false).bytes()),
  sequence(message(51).string("publickey,password").boolean(true).bytes(), message(52).bytes()),
  sequence(message(52).bytes()),
  sequence(message(53).string("banner").string("").bytes(), message(52).bytes()),
  sequence(message(60).string("ssh-ed25519-cert-v01@openssh.com").string(certificate).bytes()),
  sequence(message(60).string("").string("").string("").uint32(1).string("code: ").boolean(false).bytes()),
];
