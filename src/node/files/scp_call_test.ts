import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { anyText } from "../../../tests/kit/arbitrary.ts";
import { parseScpWords, scpArguments } from "./scp_call.ts";

for (
  const [command, text] of [
    ["scp -t /tmp", " -t /tmp"],
    ["scp -f /tmp/a", " -f /tmp/a"],
    ["scp -r -p -d -t -- -odd", " -r -p -d -t -- -odd"],
    ["scp -rpf ~/*.txt", " -rpf ~/*.txt"],
    ["  /usr/bin/scp -v -t .", " -v -t ."],
    ["scp -t 'a b;c|d`e`$(f)'", " -t 'a b;c|d`e`$(f)'"],
    ['scp -t "a;b $HOME"', ' -t "a;b $HOME"'],
    ["scp -f a\\;b\\ c", " -f a\\;b\\ c"],
    ["scp -t ${DIR}/x", " -t ${DIR}/x"],
    ["scp -t a#b", " -t a#b"],
    ["scp -t", " -t"],
  ]
) {
  Deno.test(`a plain call: ${command}`, () => assertEquals(scpArguments(command ?? ""), text));
}

for (
  const command of [
    "scp a b:c",
    "scp -r a b:c",
    "scp",
    "scpx -t a",
    "scp-t a",
    "echo scp -t a",
    "FOO=1 scp -t a",
    "/tmp/scp -t a",
    "../bin/scp -t a",
    "scp -t a; rm -rf /",
    "scp -t a | tee b",
    "scp -t a && b",
    "scp -t a &",
    "scp -t a > b",
    "scp -f < b",
    "scp -t $(id)",
    "scp -t `id`",
    'scp -t "`id`"',
    'scp -t "$(id)"',
    "scp -t $'a'",
    'scp -t $"a"',
    "scp -t (a)",
    "scp -t a # comment",
    "scp -t a\nrm b",
    "scp -t 'a\nb'",
    "scp -t a\\\nb",
    "scp -t 'open",
    'scp -t "open',
    "scp -t a\\",
    "scp -t \0",
    "scp -S evil -t a",
    "scp -o ProxyCommand=x -t a",
    "scp -S/bin/sh -f a",
    "",
  ]
) {
  Deno.test(`a command like any other: ${JSON.stringify(command)}`, () =>
    assertEquals(scpArguments(command), undefined));
}

Deno.test("what follows an unquoted separator is never taken for a name", () => {
  const separator = fc.constantFrom(";", "|", "&", "\n", "`", "$(", "<", ">", "(", ")");
  const plain = fc.stringMatching(/^[a-z ./*~]{0,10}$/);
  fc.assert(fc.property(plain, separator, anyText({ maxLength: 20 }), (before, separator, after) => {
    assertEquals(scpArguments(`scp -t ${before}${separator}${after}`), undefined);
  }));
});

Deno.test("words are read as scp reads them", () => {
  const base = { recursive: false, preserve: false, toDirectory: false, verbose: false };
  assertEquals(parseScpWords(["-t", "a"]), { ...base, direction: "sink", paths: ["a"] });
  assertEquals(parseScpWords(["-rpv", "-qf", "--", "-x", "y"]), {
    direction: "source",
    recursive: true,
    preserve: true,
    toDirectory: false,
    verbose: true,
    paths: ["-x", "y"],
  });
  assertEquals(parseScpWords(["-d", "-t", "-"])?.paths, ["-"]);
  for (const words of [["-t", "-f", "a"], ["a"], [], ["-t", "-z", "a"], ["-S", "x", "-t", "a"]]) {
    assertEquals(parseScpWords(words), undefined, words.join(" "));
  }
});
