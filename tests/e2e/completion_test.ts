/**
 * Completion in real shells: somebody types, presses TAB and gets the word.
 * @module
 */
import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { completionLines, type KnownNode } from "../../cli/tsh/completion_cache.ts";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { run, runProgram } from "../kit/run.ts";

const TOOLS = ["tsh", "tctl", "teleport"] as const;

/** What is typed before TAB, and the whole line that runs after it. */
const LINES: readonly [string, string][] = [
  ["tsh logi", "login"],
  ["tsh --prox", "--proxy"],
  ["tsh --proxy work logi", "--proxy work login"],
  ["tsh ls --format an", "ls --format ansible"],
  ["tsh ls --format=an", "ls --format=ansible"],
  ["tsh ls role=mas", "ls role=master"],
  ["tsh ssh lun", "ssh luna"],
  ["tsh ssh root@lun", "ssh root@luna"],
  ["tsh ssh -p 22 lun", "ssh -p 22 luna"],
  ["tsh ssh --forward-a", "ssh --forward-agent"],
  ["tsh scp -r lun", "scp -r luna:"],
  ["tctl users ad", "users add"],
  ["tctl users add --form", "users add --format"],
  ["tctl get trusted_cl", "get trusted_cluster"],
  ["tctl events --order=old", "events --order=oldest"],
  ["teleport star", "start"],
  ["teleport completion fi", "completion fish"],
];

let folder: string;

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "teleport-completion-" });
  await Deno.mkdir(`${folder}/.tsh`);
  const nodes: KnownNode[] = [
    { name: "luna", labels: { role: "master" } },
    { name: "mars", labels: { evil: "$(touch pwned)", "x`id`": "y" } },
    { name: "$(touch${IFS}pwned)", labels: {} },
  ];
  await Deno.writeTextFile(`${folder}/.tsh/completion`, completionLines(nodes));
  for (const tool of TOOLS) {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { code, stdout, stderr } = await runProgram(tool, ["completion", shell]);
      assertEquals([code, stderr], [0, ""]);
      await Deno.writeTextFile(`${folder}/${tool}.${shell}`, stdout);
    }
  }
});
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));

async function isThere(shell: string): Promise<boolean> {
  const there = (await run("sh", ["-c", `command -v ${shell}`])).code === 0;
  if (!there) console.log(`skipped: ${shell} is not installed`);
  return there;
}

/** Types into a shell at a terminal. @returns everything it shows */
async function typed(shell: string, lines: readonly string[]): Promise<string> {
  const { stdout } = await run("script", ["-qec", shell, "/dev/null"], {
    stdin: lines.map((line) => `${line}\n`).join(""),
    env: { HOME: folder, TERM: "dumb" },
    cwd: folder,
    timeoutMs: 60_000,
  });
  return stdout;
}

/** The tools as functions that say what they were called with. */
const STAND_INS = TOOLS.map((tool) => `${tool}() { printf '%s\\n' "ran<$*>"; }`);

function assertRan(output: string): void {
  const ran = [...output.matchAll(/^ran<(.*?) *>\r?$/gm)].map((match) => match[1]);
  assertEquals(ran, LINES.map(([, wanted]) => wanted), output);
}

Deno.test("bash completes commands, options, values, hosts, labels and kinds", async () => {
  const output = await typed("bash --norc --noprofile -i", [
    ...STAND_INS,
    ...TOOLS.map((tool) => `source ${folder}/${tool}.bash`),
    ...LINES.map(([before]) => `${before}\t`),
    "exit",
  ]);
  assertRan(output);
});

Deno.test("zsh completes commands, options, values, hosts, labels and kinds", async () => {
  if (!await isThere("zsh")) return;
  const output = await typed("zsh -f -i", [
    ...STAND_INS,
    "autoload -U compinit; compinit -u -D; unsetopt PROMPT_SP",
    ...TOOLS.map((tool) => `source ${folder}/${tool}.zsh`),
    ...LINES.map(([before]) => `${before}\t`),
    "exit",
  ]);
  assertRan(output);
});

Deno.test("fish completes commands, options, values, hosts, labels and kinds", async () => {
  if (!await isThere("fish")) return;
  const script = [
    ...TOOLS.map((tool) => `source ${folder}/${tool}.fish`),
    ...LINES.map(([before]) => `complete -C '${before}' | string replace -r '\\t.*' ''; echo .`),
  ].join("\n");
  const { stdout, stderr } = await run("fish", ["--no-config", "-c", script], {
    env: { HOME: folder },
    cwd: folder,
  });
  assertEquals(stderr, "");
  const offered = stdout.split(".\n").slice(0, -1).map((text) => text.split("\n").filter(Boolean));
  const wanted = LINES.map(([, line]) => line.split(" ").at(-1) ?? "");
  wanted.forEach((word, i) => assert(offered[i]?.includes(word), `${LINES[i]?.[0]}: ${offered[i]}`));
});

Deno.test("names from the cluster never run in a shell", async () => {
  assertEquals(
    completionLines([{ name: "a;b", labels: { a: "b c", "d\ne": "f", ok: "1" } }, {
      name: "-rf",
      labels: { k: "$(id)" },
    }, { name: "luna", labels: {} }]),
    "node luna\nlabel ok=1\n",
  );
  // Also when somebody else has written the file.
  await Deno.writeTextFile(
    `${folder}/.tsh/completion`,
    "node $(touch${IFS}pwned)\nnode luna\nnode `touch pwned`\n",
  );
  await typed("bash --norc --noprofile -i", [
    `source ${folder}/tsh.bash`,
    "tsh ssh \t\t",
    "tsh ssh lun\t",
    "exit",
  ]);
  if (await isThere("zsh")) {
    const lines = [
      "autoload -U compinit; compinit -u -D",
      `source ${folder}/tsh.zsh`,
      "tsh ssh \t\t",
      "exit",
    ];
    await typed("zsh -f -i", lines);
  }
  const names = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  assert(!names.includes("pwned"), `${names}`);
});

Deno.test("with a thousand nodes a completion takes no time that anybody notices", async () => {
  const nodes = Array.from({ length: 1000 }, (_, i) => ({ name: `node-${i}`, labels: { number: `${i}` } }));
  await Deno.writeTextFile(`${folder}/.tsh/completion`, completionLines(nodes));
  const script = `source ${folder}/tsh.bash; COMP_WORDBREAKS=$' \\t\\n"\\'@><=;|&(:'
    COMP_LINE='tsh ssh node-99'; COMP_POINT=\${#COMP_LINE}; COMP_WORDS=(tsh ssh node-99); COMP_CWORD=2
    start=\${EPOCHREALTIME/./}; _tsh; end=\${EPOCHREALTIME/./}
    echo "\${#COMPREPLY[@]} $((end - start))"`;
  const { stdout, stderr } = await run("bash", ["--norc", "-c", script], { env: { HOME: folder } });
  assertEquals(stderr, "");
  const [found, microseconds] = stdout.trim().split(" ").map(Number);
  assertEquals(found, 11);
  assertLess(microseconds ?? Infinity, 1_000_000, "a bound that only a hang passes");
  console.log(`one completion among 1,000 nodes: ${((microseconds ?? 0) / 1000).toFixed(1)} ms`);
});

Deno.test("tsh ls and tsh ssh fill the file that completion reads", async () => {
  await using cluster = await Daemon.start({ node: { labels: { role: "master" } } });
  const joe = await cluster.user("joe", [LOGIN]);
  await joe.loginOk();
  const file = `${joe.options.home}/.tsh/completion`;
  assertEquals((await joe.tsh(["ssh", `${LOGIN}@alpha`, "true"])).code, 0);
  assertEquals(await Deno.readTextFile(file), "node alpha\n");
  assertEquals((await joe.tsh(["ls"])).code, 0);
  assertStringIncludes(await Deno.readTextFile(file), "node alpha\nlabel role=master\n");
  assertEquals(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
  await joe.tsh(["logout"]);
  await Deno.remove(`${joe.options.home}/.tsh`, { recursive: true });
});
