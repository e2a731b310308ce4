import { assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { get } from "node:https";
import { commandLines, IS_ROOT, residentBytes } from "../kit/machine.ts";
import { versionAt } from "../kit/other_version.ts";
import { eventually, ROOT, run, spawn } from "../kit/run.ts";
import { gone } from "../kit/succession.ts";

/** What the manual's unit runs. */
const EXEC_START =
  "/usr/local/bin/teleport start --config=/etc/teleport.yaml --pid-file=/var/run/teleport.pid";

async function ok(command: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, { env, timeoutMs: 240_000 });
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

/** What all roles take after the first start of a new program: about 160 MB, or 240 when modules were looked into then. */
const MAX_FIRST = 200e6;

/** The values of a key of a systemd unit. */
function unitLine(unit: string, key: string): string {
  const line = unit.split("\n").find((text) => text.startsWith(`${key}=`));
  return line?.slice(key.length + 1) ?? "";
}

/** A page of the web front, whose certificate is self-signed. @throws unless the answer is 200 */
function fetchText(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path, rejectUnauthorized: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => text += part);
      response.on(
        "end",
        () => response.statusCode === 200 ? resolve(text) : reject(new Error(`${path}: ${text}`)),
      );
    }).on("error", reject);
  });
}

function configuration(directory: string): string {
  const anywhere = "127.0.0.1:0";
  return JSON.stringify({
    teleport: { nodename: "alpha", data_dir: `${directory}/data` },
    auth_service: { cluster_name: "main", listen_addr: anywhere },
    ssh_service: { listen_addr: anywhere },
    proxy_service: {
      listen_addr: anywhere,
      web_listen_addr: anywhere,
      tunnel_listen_addr: anywhere,
      public_addr: anywhere,
    },
  });
}

async function state(directory: string): Promise<{ pid: number; addresses: { proxyWeb: { port: number } } }> {
  return await eventually("the daemon to be ready", async () => {
    try {
      return JSON.parse(await Deno.readTextFile(`${directory}/data/daemon.json`));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  });
}

/** The same program under another version: the archive inside of the self-extracting file, changed and packed again. */
async function otherVersion(program: string, version: string, directory: string): Promise<boolean> {
  const bytes = await Deno.readFile(program);
  const head = new TextDecoder().decode(bytes.subarray(0, 4096));
  const lines = Number(/tail -n \+(\d+)/.exec(head)?.[1]);
  const hash = /run="\$cache\/([0-9a-f]{16})"/.exec(head)?.[1];
  if (!head.startsWith("#!/bin/sh") || !lines || !hash) return false;
  const script = head.split("\n").slice(0, lines - 1).join("\n") + "\n";
  await Deno.mkdir(`${directory}/other`);
  await ok("sh", ["-c", `tail -n +${lines} "${program}" | tar -xz -C "${directory}/other"`]);
  await ok("sh", ["-c", `sed -i 's/version:"0\\.1\\.0"/version:"${version}"/' ${directory}/other/app/*.js`]);
  await ok("tar", ["-czf", `${directory}/other.tar.gz`, "-C", `${directory}/other`, "deno", "app"]);
  await Deno.writeTextFile(`${program}.new`, script.replaceAll(hash, "0123456789abcdef"), { mode: 0o755 });
  await Deno.writeFile(`${program}.new`, await Deno.readFile(`${directory}/other.tar.gz`), { append: true });
  await Deno.rename(`${program}.new`, program);
  return true;
}

Deno.test("a release is built, unpacked, installed by make, run by the unit's own lines, and upgraded in service", async (t) => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-release-" });
  const root = `${directory}/root`;
  const bin = `${root}/usr/local/bin`;
  const env = { HOME: directory, TELEPORT_RUNTIME_DIR: `${directory}/runtime` };
  let unit = "";
  try {
    await t.step("the archive holds the program, an installer and the unit", async () => {
      const build = `${ROOT}/scripts/build.ts`;
      const args = [
        "run",
        "-A",
        "-q",
        `--config=${ROOT}/deno.json`,
        build,
        "--release",
        `--out=${directory}/dist`,
      ];
      await ok(Deno.execPath(), args);
      const archives = [...Deno.readDirSync(`${directory}/dist`)].filter(({ name }) =>
        name.endsWith(".tar.gz")
      );
      assertEquals(archives.length, 1);
      await ok("tar", ["-xzf", `${directory}/dist/${archives[0]?.name}`, "-C", directory]);
      await Deno.rename(
        `${directory}/${archives[0]?.name.replace(/\.tar\.gz$/, "")}`,
        `${directory}/release`,
      );
      unit = await Deno.readTextFile(`${directory}/release/teleport.service`);
    });

    await t.step("make install puts the three programs on the path", async () => {
      const make = (await run("make", ["--version"]).catch(() => ({ code: 1 }))).code === 0;
      if (make) await ok("make", ["-C", `${directory}/release`, "install", `DESTDIR=${root}`]);
      else {
        console.log("make is not installed: its one command is run instead");
        await ok("sh", [`${directory}/release/install`], { DESTDIR: root });
      }
      for (const tool of ["teleport", "tctl", "tsh"]) {
        assertMatch(await ok(`${bin}/${tool}`, ["version"], env), /^Teleport v\d+\.\d+\.\d+/);
      }
    });

    await t.step("the lone executable serves the web pages, with no files beside it", async () => {
      const alone = `${directory}/alone`;
      await Deno.mkdir(alone);
      await Deno.copyFile(`${bin}/teleport`, `${alone}/teleport`);
      await Deno.writeTextFile(`${alone}/teleport.yaml`, configuration(alone));
      const daemon = spawn(`${alone}/teleport`, ["start", "-c", `${alone}/teleport.yaml`], { env });
      await daemon.stdin.close();
      const { pid, addresses } = await state(alone);
      assertLess(await residentBytes(pid), MAX_FIRST);
      const page = await fetchText(addresses.proxyWeb.port, "/web");
      assertStringIncludes(page, '<div id="app">'); // the web interface came with the program
      const script = /<script type="module" src="([^"]+)"/.exec(page)?.[1];
      const asset = await fetchText(addresses.proxyWeb.port, script ?? "/no-script");
      assertEquals(asset.length > 100, true);
      Deno.kill(pid, "SIGTERM");
      assertEquals((await daemon.output()).code, 0);
    });

    await t.step(
      "the unit starts and reloads the daemon by the manual's lines; a new program takes over",
      async () => {
        assertEquals(unitLine(unit, "ExecStart"), EXEC_START);
        assertEquals(unitLine(unit, "ExecReload"), "/bin/kill -HUP $MAINPID");
        assertEquals(unitLine(unit, "PIDFile"), "/var/run/teleport.pid");
        const namespaces = (await run("unshare", ["--mount", "true"])).code === 0;
        if (!IS_ROOT || !namespaces) return console.log("skipped: it needs root and mount namespaces");
        await runUnit(directory, bin, unit, env);
      },
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** In a mount namespace where the paths of the unit are those of the test. */
async function runUnit(
  directory: string,
  bin: string,
  unit: string,
  env: Record<string, string>,
): Promise<void> {
  await ok("cp", ["-a", "/etc", `${directory}/etc`]);
  await Deno.mkdir(`${directory}/run`);
  await Deno.writeTextFile(`${directory}/etc/teleport.yaml`, configuration(directory));
  await Deno.writeTextFile(`${directory}/teleport.service`, unit);
  const mounts = `mount --bind ${directory}/etc /etc && mount --bind ${directory}/run /run && ` +
    `mkdir -p /usr/local/bin && mount --bind ${bin} /usr/local/bin`;
  const analyze = (await run("which", ["systemd-analyze"])).code === 0;
  if (!analyze) console.log("systemd-analyze is not installed: the unit's syntax is not verified");
  const verify = analyze ? `systemd-analyze verify ${directory}/teleport.service &&` : "";
  const daemon = spawn("unshare", [
    "--mount",
    "sh",
    "-c",
    `${mounts} && ${verify} exec ${unitLine(unit, "ExecStart")}`,
  ], {
    env,
  });
  await daemon.stdin.close();
  const errors: string[] = [];
  const reading = (async () => {
    for await (const text of daemon.stderr.pipeThrough(new TextDecoderStream())) errors.push(text);
  })();
  const output = daemon.stdout.cancel();
  try {
    const { pid, addresses: { proxyWeb } } = await state(directory);
    const pidFile = `${directory}/run/teleport.pid`;
    const servingPid = async () => Number(await Deno.readTextFile(pidFile));
    await eventually("the pid file", async () => (await servingPid().catch(() => 0)) === pid || undefined);
    assertEquals(await versionAt(proxyWeb.port), "0.1.0");
    if (!await otherVersion(`${bin}/teleport`, "0.1.9", directory)) {
      console.log(
        "the program is compiled here, so another version of it cannot be made: the same one takes over",
      );
    }
    await ok("sh", ["-c", unitLine(unit, "ExecReload")], { MAINPID: `${pid}` });
    const next = await eventually("another process to serve", async () => {
      const now = await servingPid();
      return now === pid ? undefined : now;
    }, 60_000);
    await gone(pid, 20_000);
    const made = await Deno.stat(`${directory}/other`).then(() => true, () => false);
    assertEquals(await versionAt(proxyWeb.port), made ? "0.1.9" : "0.1.0");
    Deno.kill(next, "SIGTERM");
    await gone(next);
    assertEquals(await Deno.stat(pidFile).then(() => true, () => false), false);
  } catch (error) {
    throw new Error(`${error}\n${errors.join("")}`, { cause: error });
  } finally {
    for (const [pid, line] of await commandLines()) {
      if (line.includes(directory) && line.includes("teleport.yaml") && pid !== Deno.pid) {
        Deno.kill(pid, "SIGKILL");
      }
    }
    await daemon.status;
    await reading;
    await output;
  }
}
