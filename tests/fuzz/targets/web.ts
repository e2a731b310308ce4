/**
 * What browsers send: session cookies, bearers and tickets, messages of terminals, names of files.
 * @module
 */
import { attachment } from "../../../src/proxy/web/attachment.ts";
import {
  formatSessionCookie,
  parseSessionCookie,
  sessionKeys,
} from "../../../src/proxy/web/session_secret.ts";
import { isBearer, isTicket } from "../../../src/proxy/web/session_tokens.ts";
import { ticketPath } from "../../../src/proxy/web/signed_in.ts";
import { parseTerminalRequest } from "../../../src/proxy/web/terminal_request.ts";
import { decode, type FuzzTarget, text } from "../target.ts";

const COOKIE = `am9l.${"A".repeat(43)}`;
const NOW = Date.UTC(2026, 0, 1);

export const webTargets: readonly FuzzTarget[] = [
  {
    name: "web-cookie",
    seeds: () => text(COOKIE, `${"0".repeat(12)}.${NOW + 1000}.${"A".repeat(43)}`),
    run(input) {
      const given = decode(input);
      const cookie = parseSessionCookie(given);
      if (cookie && parseSessionCookie(formatSessionCookie(cookie))?.user !== cookie.user) {
        throw new Error("the cookie does not come back as it was");
      }
      const keys = sessionKeys(parseSessionCookie(COOKIE) ?? cookie ?? unreachable());
      if (isBearer(keys, given, NOW) || isTicket(keys, "/x", given, NOW)) {
        throw new Error("a token that nobody has made is believed");
      }
    },
  },
  {
    name: "web-terminal-message",
    seeds: () =>
      text(
        `{"type":"open","token":"x","server_id":"luna","login":"root","term":{"w":80,"h":24},"mode":"peer"}`,
        `{"type":"resize","w":80,"h":24}`,
        `{"type":"drawn","bytes":100}`,
        `{"type":"ping","id":1}`,
      ),
    run(input) {
      const message = parseTerminalRequest(decode(input));
      if (message.type === "drawn" && !(message.bytes > 0)) throw new Error("less than nothing was drawn");
    },
  },
  {
    name: "web-file-name",
    seeds: () => text("a.txt", 'naïve "file"; x=1\r\n', "/v1/webapi/x?ticket=1&path=%2f"),
    run(input) {
      const name = decode(input);
      if (/[^\x20-\x7e]/.test(attachment(name))) throw new Error("a header that is none");
      ticketPath(`/${name}`);
    },
  },
];

function unreachable(): never {
  throw new Error("the seed is a cookie");
}
