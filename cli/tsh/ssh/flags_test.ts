import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AppError } from "../../../src/base/errors.ts";
import { flagHelp } from "../flag_table.ts";
import { parseCall, SSH_FLAGS } from "./flags.ts";

Deno.test("flags stand before and after the target, alone, together and with their values", () => {
  const call = parseCall(["-vvtp2222", "-l", "joe", "luna", "-A", "-oUser=ann", "ls", "-l", "--all"]);
  const { verbose, terminal, port, login, target, forwardAgent, words } = call;
  assertEquals({ verbose, terminal, port, login, target, forwardAgent, words }, {
    verbose: 2,
    terminal: "yes",
    port: 2222,
    login: "joe",
    target: "luna",
    forwardAgent: true,
    words: ["ls", "-l", "--all"],
  });
});

Deno.test("the calls of other programs are understood", () => {
  const git = parseCall(["-o", "SendEnv=GIT_PROTOCOL", "git@luna", "git-upload-pack 'repo'"]);
  assertEquals([git.target, git.words, git.sendEnv.includes("GIT_PROTOCOL")], ["git@luna", [
    "git-upload-pack 'repo'",
  ], true]);
  const ansible = parseCall([
    ..."-C -o ControlMaster=auto -o ControlPersist=60s -o Port=3022 -o StrictHostKeyChecking=no".split(" "),
    ..."-o KbdInteractiveAuthentication=no -o PreferredAuthentications=publickey".split(" "),
    ...[
      "-o",
      'User="root"',
      "-o",
      "ConnectTimeout=10",
      "-o",
      'ControlPath="/tmp/cp"',
      "-tt",
      "luna",
      "/bin/sh -c true",
    ],
  ]);
  assertEquals([ansible.login, ansible.port, ansible.connectTimeout, ansible.terminal], [
    "root",
    3022,
    10_000,
    "force",
  ]);
  const sftp = parseCall(
    "-oForwardX11 no -oPermitLocalCommand no -oClearAllForwardings yes -o RemoteCommand=none".split(/ (?=-)/)
      .flatMap((part) => part.startsWith("-o ") ? ["-o", part.slice(3)] : [part]).concat([
        "-s",
        "--",
        "luna",
        "sftp",
      ]),
  );
  assertEquals([sftp.subsystem, sftp.target, sftp.words], [true, "luna", ["sftp"]]);
  const rsync = parseCall(["-l", "root", "luna", "rsync", "--server", "-e.LsfxCIvu", ".", "/tmp"]);
  assertEquals(rsync.words, ["rsync", "--server", "-e.LsfxCIvu", ".", "/tmp"]);
});

Deno.test("tsh's own options stand among ssh's", () => {
  const call = parseCall([
    "--proxy=work:3080",
    "--cluster",
    "east",
    "--local",
    "-L",
    "8080:db:5432",
    "luna",
    "curl",
    "localhost:8080",
  ]);
  assertEquals([call.proxy, call.cluster, call.local, call.localForwards.length, call.words.length], [
    "work:3080",
    "east",
    true,
    1,
    2,
  ]);
});

Deno.test("wrong flags are refused by name, with what to write", () => {
  for (
    const [args, text] of [
      [["-p", "x", "luna"], /-p: "x" is not a port/],
      [["-Z", "luna"], /-Z is not a flag/],
      [["-L"], /-L needs a value/],
      [["-O", "check", "luna"], /master connection/],
      [["--nope", "luna"], /--nope is not an option/],
      [["--insecure=1", "luna"], /takes no value/],
      [["-o", "Nonsense=1", "luna"], /Nonsense: there is no such option/],
      [["-o", "constructor=1", "luna"], /no such option/],
      [["-o", "Port", "luna"], /write Key=Value/],
      [["-o", "BatchMode=perhaps", "luna"], /BatchMode is yes or no/],
    ] as const
  ) {
    assertMatch(assertThrows(() => parseCall(args), AppError).message, text);
  }
});

Deno.test("whatever the arguments are, they are read or refused", () => {
  const word = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom("-o", "-L", "-D", "--", "-tt", "--proxy", "luna", "-oPort=1"),
  );
  fc.assert(fc.property(fc.array(word, { maxLength: 8 }), (args) => {
    try {
      parseCall(args);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }));
});

Deno.test("the help names every flag that has an effect", () => {
  const help = flagHelp(SSH_FLAGS);
  for (
    const flag of [
      "-p, --port <port>",
      "-A, --forward-agent",
      "-D <[bind:]port>",
      "--local",
      "--parallel <number>",
    ]
  ) {
    assertEquals(help.includes(flag), true, flag);
  }
});
