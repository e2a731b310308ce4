/**
 * QR codes as SVG images.
 * @module
 */
import { encode } from "uqr";

/** The light frame scanners need around a code, in modules (ISO/IEC 18004 asks for four). */
const QUIET_ZONE = 4;

/** A QR code of `text` as a `data:` URI of an SVG image, dark on white in every colour scheme. */
export function qrCodeUri(text: string): string {
  const { size, data } = encode(text, { ecc: "M", border: QUIET_ZONE });
  // One rectangle for each run of dark modules keeps the image a few kilobytes small.
  const runs = data.flatMap((row, y) =>
    [...row.map((dark) => dark ? "#" : " ").join("").matchAll(/#+/g)]
      .map((run) => `M${run.index} ${y}h${run[0].length}v1h-${run[0].length}z`)
  );
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges">` +
    `<path fill="#fff" d="M0 0h${size}v${size}h-${size}z"/><path d="${runs.join("")}"/></svg>`;
  return `data:image/svg+xml;base64,${btoa(svg)}`;
}
