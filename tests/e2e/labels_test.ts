import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { eventually, run } from "../kit/run.ts";

const LOGIN = Deno.env.get("USER") || (Deno.uid() === 0 ? "root" : "nobody");
const FROM_MANUAL = 'uptime=[1m:"uptime -p"],kernel=[1h:"uname -r"]';

async function labelsOf(daemon: Daemon): Promise<Record<string, string>> {
  return JSON.parse(await daemon.tctlOk("nodes", "ls", "--format=json"))[0].labels;
}

Deno.test("the manual's --labels string: values with commas are whole in every listing", async () => {
  await using daemon = await Daemon.start({
    args: [`--labels=${FROM_MANUAL}`],
    node: { commands: [{ name: "load", command: ["echo", "up 1 hour, 15 minutes"], period: "1h" }] },
  });
  const { kernel, uptime = "", load } = await labelsOf(daemon);
  assertEquals(kernel, (await run("uname", ["-r"])).stdout.trim());
  assert(uptime.startsWith("up"), uptime);
  assertEquals(load, "up 1 hour, 15 minutes");
  assertStringIncludes(await daemon.tctlOk("nodes", "ls"), "load=up 1 hour, 15 minutes");
  const joe = await daemon.user("joe", [LOGIN]);
  await joe.loginOk();
  assertStringIncludes((await joe.tsh(["ls"])).stdout, "load=up 1 hour, 15 minutes");
});

Deno.test("a node is reached by its labels, fixed ones and those of commands", async () => {
  await using daemon = await Daemon.start({
    node: { labels: { env: "test" }, commands: [{ name: "os", command: ["uname", "-s"], period: "1h" }] },
  });
  const joe = await daemon.user("joe", [LOGIN]);
  await joe.loginOk();
  for (const target of ["env=test", "os=Linux", "env=test,os=Linux"]) {
    const { code, stdout, stderr } = await joe.tsh(["ssh", `${LOGIN}@${target}`, "echo", "here"]);
    assertEquals([code, stdout.includes("here")], [0, true], `${target}: ${stderr}`);
  }
  assertEquals((await joe.tsh(["ssh", `${LOGIN}@env=prod`, "true"])).code === 0, false);
});

Deno.test("a label's command runs at its own period; one that fails says so in the label; fixed labels stay", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const count = (name: string) => ["sh", "-c", `echo x >> ${folder}/${name}; wc -l < ${folder}/${name}`];
    await using daemon = await Daemon.start({
      node: {
        labels: { role: "master" },
        commands: [
          { name: "often", command: count("often"), period: "100ms" },
          { name: "seldom", command: count("seldom"), period: "1h" },
          { name: "broken", command: ["sh", "-c", "echo no such disk >&2; exit 2"], period: "1h" },
        ],
      },
    });
    assertStringIncludes(daemon.stderr, 'label "often": its period is raised to 1s');
    const { broken } = await labelsOf(daemon);
    assertEquals(broken, "the command failed with exit status 2: no such disk");
    await Deno.writeTextFile(
      daemon.configFile,
      (await Deno.readTextFile(daemon.configFile)).replace("master", "x"),
    );
    const began = Date.now();
    const { role, often, seldom } = await eventually("four runs", async () => {
      const labels = await labelsOf(daemon);
      return Number(labels.often) >= 4 ? labels : undefined;
    });
    assert(Number(often) <= (Date.now() - began) / 1000 + 6, `${often} runs are too many`);
    assertEquals([role, seldom], ["master", "1"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
