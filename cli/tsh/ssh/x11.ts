/**
 * `-X`: windows of remote programs on the local display. The remote side knows a made-up cookie only; whoever connects
 * with it gets the real one put in its place (RFC 4254 section 6.3.1).
 * @module
 */
import { Buffer } from "node:buffer";
import { randomBytes, timingSafeEqual } from "node:crypto";
import { type Duplex, duplexPair } from "node:stream";
import { setTimeout } from "node:timers";
import { dialTcp } from "../../../src/base/dial.ts";
import { joinStreams } from "../../../src/base/duplex.ts";
import { AppError } from "../../../src/base/errors.ts";
import type { X11Request } from "../../../src/ssh/channel.ts";
import { dialPath } from "./forwards.ts";

const PROTOCOL = "MIT-MAGIC-COOKIE-1";
const HEADER = 12;
const MAX_SETUP = 4096;
const TIMEOUT_MS = 30_000;

export interface LocalDisplay {
  request: X11Request;
  connect(): Promise<Duplex>;
}

/** The display that DISPLAY names, with a cookie for the remote side. @throws {AppError} when there is none */
export async function localDisplay(display: string | undefined): Promise<LocalDisplay> {
  const match = /^(.*?):(\d{1,5})(?:\.(\d{1,3}))?$/.exec(display ?? "");
  if (!display || !match) {
    throw new AppError("bad_input", "X11 forwarding needs a display: DISPLAY is not set");
  }
  const [, host = "", number = "0", screen = "0"] = match;
  const real = await cookieOf(display);
  const fake = randomBytes(16);
  const dial = () =>
    host === "" || host === "unix"
      ? dialPath(`/tmp/.X11-unix/X${number}`)
      : dialTcp(host, 6000 + Number(number));
  return {
    request: {
      singleConnection: false,
      protocol: PROTOCOL,
      cookie: fake.toString("hex"),
      screen: Number(screen),
    },
    async connect() {
      const server = await dial();
      const [outer, inner] = duplexPair();
      introduce(inner, server, fake, real).catch(() => { // whoever knows no cookie gets no answer
        inner.destroy();
        server.destroy();
      });
      return outer;
    },
  };
}

/** The real cookie, as xauth(1) knows it; none when the server asks for none. */
async function cookieOf(display: string): Promise<Buffer> {
  try {
    const { stdout } = await new Deno.Command("xauth", { args: ["list", display], stderr: "null" }).output();
    const found = new RegExp(`${PROTOCOL}\\s+([0-9a-f]+)`).exec(new TextDecoder().decode(stdout))?.[1];
    return Buffer.from(found ?? "", "hex");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return Buffer.alloc(0);
    throw error;
  }
}

/** Passes the first message on with the real cookie in it, then everything. */
async function introduce(program: Duplex, server: Duplex, fake: Buffer, real: Buffer): Promise<void> {
  const { setup, rest } = await readSetup(program);
  const own = withCookie(setup, fake, real);
  if (!own) {
    throw new AppError("access_denied", "a program connected to the display without the right cookie");
  }
  server.write(own);
  if (rest.length > 0) program.unshift(rest);
  await joinStreams(program, server);
}

function readSetup(stream: Duplex): Promise<{ setup: Buffer; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0);
    const fail = () => reject(new AppError("closed", "a program went away before it said who it is"));
    const timer = setTimeout(fail, TIMEOUT_MS);
    const onData = (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      const size = held.length < HEADER ? Infinity : setupSize(held);
      if (held.length < size && held.length <= MAX_SETUP) return;
      clearTimeout(timer);
      stream.off("data", onData).off("close", fail);
      stream.pause();
      if (held.length > MAX_SETUP && held.length < size) return fail();
      resolve({ setup: held.subarray(0, size), rest: held.subarray(size) });
    };
    stream.on("data", onData).once("close", fail);
  });
}

/** The layout of X11's connection setup: byte order, version, and two strings with their lengths, padded to four. */
function fields(setup: Buffer) {
  const little = setup[0] === 0x6c;
  const length = (at: number) => little ? setup.readUInt16LE(at) : setup.readUInt16BE(at);
  const [name, data] = [length(6), length(8)];
  const dataAt = HEADER + padded(name);
  return { name, data, dataAt, little };
}

const padded = (length: number) => length + (4 - length % 4) % 4;

function setupSize(setup: Buffer): number {
  const { data, dataAt } = fields(setup);
  return dataAt + padded(data);
}

/** The setup message with the real cookie; undefined when it does not carry the made-up one. */
export function withCookie(setup: Buffer, fake: Buffer, real: Buffer): Buffer | undefined {
  const { name, data, dataAt, little } = fields(setup);
  if (setup.subarray(HEADER, HEADER + name).toString("latin1") !== PROTOCOL) return undefined;
  const shown = setup.subarray(dataAt, dataAt + data);
  if (shown.length !== fake.length || !timingSafeEqual(shown, fake)) return undefined;
  const head = Buffer.from(setup.subarray(0, dataAt));
  const length = real.length;
  if (little) head.writeUInt16LE(length, 8);
  else head.writeUInt16BE(length, 8);
  return Buffer.concat([head, real, Buffer.alloc(padded(length) - length)]);
}
