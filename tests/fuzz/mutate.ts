/**
 * Inputs that are nearly valid: a seed with a few changes, some of which know how SSH writes its strings.
 * @module
 */
import type { Random } from "./random.ts";

/** What parsers stumble over, at places where a length or a number may stand. */
const NUMBERS = [
  ...[0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 257, 1023, 1024, 4096],
  ...[32767, 32768, 35000, 65535, 65536, 262144, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff],
];
const MAX_LENGTH = 64 * 1024;

type Change = (input: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array;

function join(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Two places, the first not after the second. */
function range(input: Uint8Array, random: Random): [number, number] {
  const [a, b] = [random.below(input.length + 1), random.below(input.length + 1)];
  return a < b ? [a, b] : [b, a];
}

/** Where strings in the SSH sense may stand: a length that the rest can hold. */
function strings(input: Uint8Array): { start: number; end: number }[] {
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  const found: { start: number; end: number }[] = [];
  for (let at = 0; at + 4 <= input.length && found.length < 64; at++) {
    const length = view.getUint32(at);
    if (length <= input.length - at - 4 && length < 0x1_0000) found.push({ start: at, end: at + 4 + length });
  }
  return found;
}

const CHANGES: readonly Change[] = [
  function flipBit(input, random) {
    const out = input.slice();
    const at = random.below(out.length);
    if (out.length > 0) out[at] = (out[at] ?? 0) ^ 1 << random.below(8);
    return out;
  },
  function setByte(input, random) {
    const out = input.slice();
    if (out.length > 0) out[random.below(out.length)] = random.pick([0, 1, 0x0a, 0x20, 0x7f, 0x80, 0xff]);
    return out;
  },
  function setNumber(input, random) {
    if (input.length < 4) return input;
    const out = input.slice();
    out.set(uint32(random.pick(NUMBERS)), random.below(out.length - 3));
    return out;
  },
  function truncate(input, random) {
    return input.slice(0, random.below(input.length + 1));
  },
  function insert(input, random) {
    const at = random.below(input.length + 1);
    const piece = random.once(2) ? random.bytes(1 + random.below(16)) : uint32(random.pick(NUMBERS));
    return join(input.slice(0, at), piece, input.slice(at));
  },
  function remove(input, random) {
    const [start, end] = range(input, random);
    return join(input.slice(0, start), input.slice(end));
  },
  function repeat(input, random) {
    const [start, end] = range(input, random);
    const piece = input.slice(start, end);
    const times = Array.from({ length: 1 + random.below(random.once(8) ? 200 : 3) }, () => piece);
    return join(input.slice(0, end), ...times, input.slice(end));
  },
  function splice(input, random, others) {
    const other = random.pick(others);
    return join(
      input.slice(0, random.below(input.length + 1)),
      other.slice(random.below(other.length + 1)),
    );
  },
  function swapStrings(input, random) {
    const found = strings(input);
    if (found.length < 2) return input;
    const [a, b] = [random.pick(found), random.pick(found)];
    const [first, second] = a.start < b.start ? [a, b] : [b, a];
    if (first.end > second.start) return input;
    return join(
      input.slice(0, first.start),
      input.slice(second.start, second.end),
      input.slice(first.end, second.start),
      input.slice(first.start, first.end),
      input.slice(second.end),
    );
  },
  function changeString(input, random, others) {
    const found = strings(input);
    if (found.length === 0) return input;
    const { start, end } = random.pick(found);
    const other = random.pick(others);
    const content = random.pick([
      new Uint8Array(),
      random.bytes(random.below(40)),
      other.slice(...range(other, random)),
      join(input.slice(start + 4, end), input.slice(start + 4, end)),
      input.slice(start + 4, Math.max(start + 4, end - 1)),
    ]);
    return join(input.slice(0, start), uint32(content.length), content, input.slice(end));
  },
  function lieAboutLength(input, random) {
    const found = strings(input);
    if (found.length === 0) return input;
    const { start, end } = random.pick(found);
    const length = random.once(2) ? end - start - 4 + random.below(9) - 4 : random.pick(NUMBERS);
    const out = input.slice();
    out.set(uint32(length), start);
    return out;
  },
  function nothingButNoise(_input, random) {
    return random.bytes(random.below(200));
  },
];

/** One input: mostly a seed with one to four changes, now and then a seed as it is. */
export function mutate(seeds: readonly Uint8Array[], random: Random): Uint8Array {
  let input = random.pick(seeds);
  if (random.once(20)) return input;
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    input = random.pick(CHANGES)(input, random, seeds);
  }
  return input.slice(0, MAX_LENGTH);
}
