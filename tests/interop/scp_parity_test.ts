import { assert, assertEquals } from "@std/assert";
import { LOGIN } from "../kit/machine.ts";
import { run } from "../kit/run.ts";
import { startTestNode } from "../kit/test_node.ts";
import { type Leaf, readTree, withFolder } from "../kit/trees.ts";

/** Calls of `scp -O`; `R:` is a folder behind ssh, `L` a folder here. */
const CALLS = [
  "L/one R:/new",
  "L/one R:/old",
  "L/one R:/folder",
  "L/one R:/folder/",
  "L/one R:/nothing/new",
  "L/one R:/folder/../two",
  "L/one L/two R:/folder",
  "L/one L/two R:/old",
  "L/one L/two R:/nothing",
  "L/folder R:/folder",
  "-r L/folder R:/folder",
  "-r L/folder R:/new",
  "-r L/folder R:/old",
  "-rp L/folder R:/new",
  "-p L/one R:/old",
  "-p L/setuid R:/new",
  "L/setuid R:/new",
  "L/empty R:/old",
  "L/one R:/read-only",
  "L/one R:/link",
  "L/one R:/dangling",
  "R:/old L/new",
  "R:/old L/one",
  "R:/old L/folder",
  "R:/nothing L/new",
  "R:/folder L/new",
  "R:/fifo L/new",
  "-r R:/folder L/new",
  "-r R:/folder L/folder",
  "-r R:/folder/ L/new",
  "-rp R:/folder L/new",
  "R:/link L/new",
  "R:/dangling L/new",
  "R:/*.txt L/folder",
  "R:/*.none L/folder",
  "R:/{a,b}.txt L/folder",
  "R:/[ab].txt L/folder",
  "R:/a\\ b L/new",
  "R:/'a b' L/new",
  'R:/"a b" L/new',
  "R:/$NAME.txt L/new",
  "R:/old R:/nothing L/folder",
  "-d L/one R:/old",
  "-v L/empty R:/new",
  "-T R:/*.txt L/folder",
  "-l 100000 R:/old L/new",
  "R:/old R:/copy",
];

const SIDE_BY_SIDE = 4;

async function fill(folder: string): Promise<void> {
  for (const name of ["remote/folder/in", "local/folder/in"]) {
    await Deno.mkdir(`${folder}/${name}`, { recursive: true });
  }
  const files: [string, string, number][] = [
    ["remote/old", "an old file, longer than what replaces it", 0o640],
    ["remote/a.txt", "a", 0o644],
    ["remote/b.txt", "b", 0o600],
    ["remote/a b", "blank", 0o644],
    ["remote/folder/x", "x", 0o755],
    ["remote/folder/in/y", "", 0o444],
    ["remote/read-only", "fixed", 0o444],
    ["local/one", "one", 0o600],
    ["local/two", "two", 0o644],
    ["local/empty", "", 0o644],
    ["local/setuid", "s", 0o6755],
    ["local/folder/z", "z", 0o640],
    ["local/folder/in/deep", "deep", 0o644],
  ];
  for (const [path, text, mode] of files) {
    await Deno.writeTextFile(`${folder}/${path}`, text);
    await Deno.chmod(`${folder}/${path}`, mode);
    await Deno.utime(`${folder}/${path}`, 1_000_000_000, 1_100_000_000);
  }
  await Deno.symlink("old", `${folder}/remote/link`);
  await Deno.symlink("nowhere", `${folder}/remote/dangling`);
  await new Deno.Command("mkfifo", { args: [`${folder}/remote/fifo`] }).output();
  for (const path of ["remote/folder/in", "remote/folder", "local/folder/in", "local/folder"]) {
    await Deno.utime(`${folder}/${path}`, 1_000_000_000, 1_200_000_000);
  }
}

interface Outcome {
  code: number;
  said: string[];
  tree: Leaf[];
}

/** Runs one call in fresh folders. @param connect the program in ssh's place, and scp's other arguments */
async function outcome(call: string, connect: string[], host: string): Promise<Outcome> {
  let result: Outcome | undefined;
  await withFolder(async (folder) => {
    await fill(folder);
    const words = call.split(/(?<!\\| '?a| "a) /).map((word) =>
      word.replace(/^R:/, `${host}:${folder}/remote`).replace(/^L/, `${folder}/local`)
    );
    const { code, stderr } = await run("scp", ["-O", "-q", ...connect, ...words], { env: { NAME: "b" } });
    const said = stderr.split("\n").filter((line) =>
      line !== "" &&
      !/^(?:(?:scp: )?debug|Executing|Transferred|Bytes|OpenSSH|Authenti|Exit|Sending|Sink|Entering|client)/i
        .test(line)
    )
      .map((line) => line.replaceAll(folder, "").replaceAll(`${host}:`, "").trim());
    const now = Math.floor(Date.now() / 1000) - 3600;
    const tree = (await readTree(folder)).map((leaf) => ({
      ...leaf,
      modified: leaf.modified > now ? 0 : leaf.modified,
    }));
    result = { code, said, tree };
  });
  if (!result) throw new Error("unreachable");
  return result;
}

function lines({ code, said, tree }: Outcome): string[] {
  return [`exit ${code}`, ...said, ...tree.map((leaf) => JSON.stringify(leaf))];
}

Deno.test("each call of scp -O does and says what it does with OpenSSH's scp on the other side", async () => {
  await using node = await startTestNode();
  const folder = await Deno.makeTempDir();
  try {
    // In the place of ssh: the command, by the shell that ssh would have it run by.
    const wrapper = `${folder}/run-here`;
    await Deno.writeTextFile(
      wrapper,
      '#!/bin/sh\nfor last; do :; done\nexec "${SHELL:-/bin/sh}" -c "$last"\n',
      { mode: 0o755 },
    );
    const shell = (await run("getent", ["passwd", LOGIN])).stdout.trim().split(":").at(-1) ?? "/bin/sh";
    await Deno.writeTextFile(wrapper, `#!/bin/sh\nfor last; do :; done\nexec ${shell} -c "$last"\n`, {
      mode: 0o755,
    });
    const differences: string[] = [];
    const told: string[] = [];
    const compare = async (call: string) => {
      const expected = lines(await outcome(call, ["-S", wrapper], "here"));
      const ours = lines(await outcome(call, [...node.stockArgs, "-o", "SendEnv=NAME"], node.target()));
      const more = (side: string, these: string[], others: string[]) =>
        these.filter((line) => !others.includes(line)).map((line) => `scp -O ${call}: only ${side}: ${line}`);
      differences.push(...more("ours", ours, expected), ...more("OpenSSH", expected, ours));
      told.push(...expected.filter((line) => line.startsWith("scp: ")));
    };
    const waiting = [...CALLS];
    const work = async () => {
      for (let call = waiting.shift(); call !== undefined; call = waiting.shift()) await compare(call);
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
    assertEquals(differences, []);
    assert(told.length > 10, "the comparison holds no messages any more");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
