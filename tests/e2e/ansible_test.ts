// A playbook against twenty hosts at once, the way Ansible's manual and this product's tell people to set it up.
import { assertEquals, assertMatch } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { run } from "../kit/run.ts";

const ANSIBLE = "/usr/bin/ansible-playbook";
const HOSTS = 20;
/** What runs on all of them; each task is a process of its own for each host. */
const BASICS = (work: string) => `
- hosts: all
  gather_facts: false
  tasks:
    - command: echo {{ inventory_hostname }}
      register: said
    - assert: { that: "said.stdout == inventory_hostname" }
    - copy: { content: "{{ inventory_hostname }}", dest: "${work}/{{ inventory_hostname }}.txt" }
`;

async function installed(): Promise<boolean> {
  try {
    return (await Deno.stat(ANSIBLE)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const missing = !await installed();
if (missing) console.error(`${ANSIBLE} is missing (package ansible-core): its tests are skipped`);

/** Modules that need pipes, sftp or scp, facts, and root's files. */
const PLAYBOOK = (work: string) => `
- hosts: all
  gather_facts: false
  vars: { place: "${work}/{{ inventory_hostname }}" }
  tasks:
    - file: { path: "{{ place }}", state: directory, mode: "0750" }
    - copy: { src: "${work}/source.bin", dest: "{{ place }}/copy.bin", mode: "0640" }
    - template: { src: "${work}/hello.j2", dest: "{{ place }}/hello.txt" }
    - command: cat {{ place }}/hello.txt
      register: said
    - assert: { that: "said.stdout == 'hello ' ~ inventory_hostname" }
    - script: "${work}/script.sh {{ place }}"
    - fetch: { src: "{{ place }}/by-script", dest: "${work}/fetched/", flat: false }
`;

Deno.test({
  name: "an Ansible playbook runs on twenty hosts at once, with and without pipelining, by sftp and by scp",
  ignore: missing,
  async fn() {
    await using cluster = await Daemon.start({ nodename: "alpha", node: { labels: { env: "prod" } } });
    const joe = await cluster.user("joe", [LOGIN]);
    await joe.loginOk();
    assertEquals((await joe.tsh(["config", "--write"])).code, 0);
    const work = await Deno.makeTempDir({ prefix: "ansible-" });
    try {
      await Deno.writeFile(`${work}/source.bin`, crypto.getRandomValues(new Uint8Array(60_000)));
      await Deno.writeTextFile(`${work}/hello.j2`, "hello {{ inventory_hostname }}");
      await Deno.writeTextFile(`${work}/script.sh`, '#!/bin/sh\necho "$1" > "$1/by-script"\n', {
        mode: 0o755,
      });
      await Deno.writeTextFile(`${work}/playbook.yml`, PLAYBOOK(work));
      const names = Array.from({ length: HOSTS }, (_, i) => `host${i} ansible_host=alpha.main`);
      await Deno.writeTextFile(`${work}/hosts`, `${names.join("\n")}\n[all:vars]\nansible_user=${LOGIN}\n`);
      const env = {
        HOME: joe.options.home,
        USER: "joe",
        ANSIBLE_SSH_ARGS:
          `-F ${joe.options.home}/.ssh/config -o BatchMode=yes -o ControlMaster=auto -o ControlPersist=15s`,
        ANSIBLE_SSH_CONTROL_PATH_DIR: `${work}/cp`,
        ANSIBLE_LOCAL_TEMP: `${work}/tmp`,
        ANSIBLE_NOCOWS: "1",
        ANSIBLE_PYTHON_INTERPRETER: "/usr/bin/python3",
        ANSIBLE_FORKS: String(HOSTS),
        LC_ALL: "C.UTF-8",
      };
      const inventory = await joe.tsh(["ls", "--format=ansible"]);
      await Deno.writeTextFile(`${work}/inventory.json`, inventory.stdout);
      const ping = await run("ansible", [
        "-i",
        `${work}/inventory.json`,
        "env_prod",
        "-u",
        LOGIN,
        "-m",
        "ping",
      ], { env });
      assertMatch(ping.stdout, /alpha\.main \| SUCCESS/, ping.stderr);

      const play = async (name: string, settings: Record<string, string>, args: string[] = []) => {
        const { code, stdout, stderr } = await run(ANSIBLE, [
          "-i",
          `${work}/hosts`,
          ...args,
          `${work}/${name}`,
        ], {
          env: { ...env, ...settings },
          timeoutMs: 180_000,
        });
        assertEquals(code, 0, `${JSON.stringify(settings)} ${stdout.slice(-3000)} ${stderr.slice(-2000)}`);
        return stdout.match(/unreachable=0 +failed=0/g)?.length;
      };
      await Deno.writeTextFile(`${work}/basics.yml`, BASICS(work));
      assertEquals(await play("basics.yml", { ANSIBLE_PIPELINING: "True" }), HOSTS);
      assertEquals(await Deno.readTextFile(`${work}/host19.txt`), "host19");
      const scp = {
        ANSIBLE_SSH_TRANSFER_METHOD: "scp",
        ANSIBLE_SCP_EXTRA_ARGS: "-O",
        ANSIBLE_SCP_IF_SSH: "True",
      };
      for (const settings of [{ ANSIBLE_SSH_TRANSFER_METHOD: "sftp" }, scp]) {
        assertEquals(
          await play("playbook.yml", { ANSIBLE_PIPELINING: "False", ...settings }, ["--limit", "host1"]),
          1,
        );
        const name = `${work}/fetched/host1${work}/host1/by-script`;
        assertEquals(await Deno.readTextFile(name), `${work}/host1\n`);
        await Deno.remove(`${work}/fetched`, { recursive: true });
      }
    } finally {
      await Deno.remove(work, { recursive: true });
    }
  },
});
