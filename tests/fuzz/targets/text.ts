/**
 * Lines and small languages: addresses, forward specifications, flags, recordings, reports, patterns.
 * @module
 */
import { parseScpCall } from "../../../cli/tsh/scp/flags.ts";
import { parseLocation } from "../../../cli/tsh/scp/location.ts";
import { parseCall } from "../../../cli/tsh/ssh/flags.ts";
import { parseForward, parseHostPort } from "../../../cli/tsh/ssh/forward_spec.ts";
import { withCookie } from "../../../cli/tsh/ssh/x11.ts";
import { parseHostCredentials } from "../../../src/api/host_identity.ts";
import { parseJoinAnswer } from "../../../src/api/join_proof.ts";
import { addressAllowed } from "../../../src/api/source_address.ts";
import { expandLogins, isLoginOrTemplate } from "../../../src/model/login_template.ts";
import { isLogin } from "../../../src/model/name.ts";
import { parseWhere } from "../../../src/model/where.ts";
import { parseReport } from "../../../src/node/files/report.ts";
import { parseScpWords, scpArguments } from "../../../src/node/files/scp_call.ts";
import { parseInternalSftp } from "../../../src/node/files/internal_sftp.ts";
import { LogParser } from "../../../src/session/log_parser.ts";
import { formatPrint } from "../../../src/session/recording_format.ts";
import { decodeSizes } from "../../../src/session/upload_protocol.ts";
import { isPrincipal } from "../../../src/ssh/certificate.ts";
import { peerText } from "../../../src/ssh/peer_text.ts";
import { isPlainName, shownName } from "../../../src/ssh/transfer/file_name.ts";
import { compileGlob, expandBraces } from "../../../src/ssh/transfer/glob.ts";
import { Buffer } from "node:buffer";
import { decode, type FuzzTarget, text } from "../target.ts";

/** Less is never handed on. */
const X11_HEADER = 12;

const words = (input: Uint8Array) => decode(input).split("\n");

export const textTargets: FuzzTarget[] = [
  {
    name: "source_address",
    seeds: () => text("10.0.0.0/8,192.168.1.7", "::1/128,fe80::/10", "::ffff:10.0.0.0/104", "1.2.3.4"),
    run(input) {
      for (const address of ["10.1.2.3", "::1", "::ffff:10.1.2.3", decode(input)]) {
        addressAllowed(address, decode(input));
      }
    },
  },
  {
    name: "where",
    seeds: () =>
      text(
        'contains(user.spec.traits["groups"], "ops") && !equals(resource.metadata.name, "x")',
        "(equals('a', 'b') || contains(session.parties, user.metadata.name))",
        'equals("\\\\", "\\"")',
      ),
    run(input) {
      const condition = parseWhere(decode(input));
      const user = { metadata: { name: "joe" }, spec: { traits: { groups: ["ops"] }, roles: ["dev"] } };
      for (
        const scope of [{}, { user }, { user, resource: { metadata: {} }, session: { parties: ["joe"] } }]
      ) {
        const answer = condition(scope);
        if (answer !== undefined && typeof answer !== "boolean") {
          throw new Error(
            "neither true, false nor unknown",
          );
        }
      }
    },
  },
  {
    name: "login_template",
    seeds: () => text("{{internal.logins}}", 'a-{{external["x y"]}}-b', "{{ external.unix }}", "root"),
    run(input) {
      const source = decode(input);
      const logins = expandLogins([source], {
        logins: [source, "joe"],
        unix: [`${source},root`],
        "x y": ["*"],
      });
      const unsafe = logins.find((login) => !isLogin(login) || !isPrincipal(login));
      if (unsafe !== undefined) throw new Error("an unsafe login came out of a template");
      isLoginOrTemplate(source);
    },
  },
  {
    name: "forward_spec",
    seeds: () =>
      text("8080:localhost:80", "[::1]:8080:[::1]:80", "*:1:/tmp/a.sock", "/a:/b", "1080", "a:0:b:65535"),
    run(input) {
      const spec = decode(input);
      for (const flag of ["L", "R", "D"] as const) {
        try {
          parseForward(flag, spec);
        } catch (error) {
          if (!(error instanceof Error) || error.name !== "AppError") throw error;
        }
      }
      parseHostPort(spec);
    },
  },
  {
    name: "ssh_flags",
    seeds: () =>
      text(
        "-p\n22\n-L\n1:a:2\njoe@host\nls\n-l",
        "-tt\n-o\nSendEnv=LANG LC_*\n-vvv\nhost",
        "-NfD1080\nhost",
        "-J\na,b\nhost",
      ),
    run(input) {
      parseCall(words(input), {}, input.length % 2 === 0);
    },
  },
  {
    name: "scp_flags",
    seeds: () => text("-r\n-P\n22\na\njoe@host:b", "-3\n-q\n[::1]:/x\nhost:", "-l\n100\n-o\nPort=2\na\nb:c"),
    run(input) {
      for (const word of words(input)) parseLocation(word);
      parseScpCall(words(input), {}, input.length % 2 === 0);
    },
  },
  {
    name: "scp_call",
    seeds: () =>
      text(
        "scp -t -- /tmp/x",
        "scp -r -p -f 'a b'",
        "scp -v -d -t ~joe/\\*",
        "internal-sftp -R -d /x -u 022",
      ),
    run(input) {
      scpArguments(decode(input));
      parseScpWords(decode(input).split(" "));
      parseInternalSftp(decode(input), { name: "joe", home: "/home/joe" });
    },
  },
  {
    name: "glob",
    seeds: () => text("*.txt", "a[!b-d]?\\*", "{a,b{c,d}}*", "[]-]", "[[:alpha:]]*", "********x"),
    run(input) {
      const pattern = decode(input).slice(0, 2000);
      for (const one of expandBraces(pattern).slice(0, 50)) {
        compileGlob(one).matches("a".repeat(200));
        compileGlob(one).matches(pattern);
      }
    },
  },
  {
    name: "peer_text",
    seeds: () => text("plain", "\x1b[31mred\x07", "\u202eabc\u2028", "a\r\nb\tc"),
    run(input) {
      const shown = peerText(input) + shownName(decode(input));
      // deno-lint-ignore no-control-regex
      if (/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(shown)) throw new Error("a control character is shown");
      isPlainName(input);
    },
  },
  {
    name: "recording_log",
    seeds: () => {
      const time = "2026-01-02T03:04:05.006Z";
      const prints = [0, 1, 2].map((i) =>
        formatPrint({ time, bytes: 10, ms: i * 100, offset: i * 10, ei: i, ci: i })
      );
      const event = `{"event":"resize","time":"${time}","ei":3,"size":"80:25"}`;
      return text(
        prints.join("\n") + "\n",
        [...prints, event].join("\n") + "\n",
        `${prints[0]}\n{"event":"x"`,
      );
    },
    run(input, random) {
      const parser = new LogParser();
      for (let at = 0; at < input.length;) {
        const size = 1 + random.below(200);
        for (const _ of parser.push(input.subarray(at, at + size)));
        at += size;
      }
    },
  },
  {
    name: "small_formats",
    seeds: () =>
      text(
        '{"hostNonce":"00","proof":"11"}',
        '{"type":"done","action":"read","path":"/x","len":3}',
        '{"cluster":"c","key":"k","certificate":"c","authorities":[]}',
        "l\x00\x0b\x00\x00\x00\x12\x00\x10\x00\x00\x00MIT-MAGIC-COOKIE-1xx0123456789abcdef",
        "0123456789abcdef",
      ),
    run(input) {
      const tries = [
        () => parseJoinAnswer(decode(input)),
        () => parseReport(decode(input)),
        () => parseHostCredentials(decode(input)),
        () =>
          input.length >= X11_HEADER && withCookie(Buffer.from(input), Buffer.alloc(16), Buffer.alloc(16)),
        () => decodeSizes(input),
      ];
      let failure: unknown;
      for (const attempt of tries) {
        try {
          attempt();
        } catch (error) {
          if (!(error instanceof Error) || error.name !== "AppError") failure = error;
        }
      }
      if (failure !== undefined) throw failure;
    },
  },
];
