// The same commands through our node and through OpenSSH's server: whoever moves from one to the other notices nothing.
import { assertEquals } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";
import { run } from "../kit/run.ts";
import { StockSshd } from "../kit/stock_sshd.ts";

interface Case {
  name: string;
  command: string;
  args?: string[];
  stdin?: string;
  env?: Record<string, string>;
  /** Only this much of the result is compared. */
  only?: "code" | "stdout";
  /** What ours prints instead, on purpose. */
  ours?: { stdout: string; because: string };
}

const CASES: Case[] = [
  { name: "exit status", command: "exit 7" },
  { name: "exit status of a signal", command: "kill -TERM $$" },
  { name: "a program killed by a signal", command: "sh -c 'kill -9 $$'; echo $?", only: "stdout" },
  { name: "an unknown command", command: "no-such-command-anywhere", only: "code" },
  { name: "a syntax error", command: "if then", only: "code" },
  {
    name: "an empty command line's words stay one text for the shell",
    command: "echo 'a  b' \"$HOME\" *.nothing",
  },
  { name: "output and errors stay apart", command: "echo out; echo err >&2; echo out2" },
  { name: "standard input", command: "cat", stdin: "line\nno end" },
  { name: "binary input", command: "wc -c", stdin: "\0\x01\x02\r\n\r\n" },
  { name: "no standard input", command: "cat; echo done", stdin: "" },
  { name: "-n", command: "cat; echo done", args: ["-n"], stdin: "not read" },
  { name: "input that nobody reads", command: "exit 0", stdin: "x".repeat(300_000) },
  { name: "much output", command: "head -c 3000000 /dev/zero | md5sum" },
  { name: "output to a closed reader ends the program", command: "yes | head -n 3" },
  { name: "working directory", command: "pwd" },
  { name: "who", command: "id -un; id -gn; id -G" },
  { name: "file creation mask", command: "umask" },
  { name: "the shell's name without a terminal", command: "echo $0 $-" },
  { name: "basic variables", command: "echo $HOME $USER $LOGNAME $SHELL" },
  {
    name: "language variables",
    command: "echo $LC_TEST",
    args: ["-o", "SendEnv=LC_TEST"],
    env: { LC_TEST: "x y" },
  },
  {
    name: "other variables",
    command: "echo [$SECRET]",
    args: ["-o", "SendEnv=SECRET"],
    env: { SECRET: "s" },
    ours: { stdout: "[s]\n", because: "sessions take what the client sends, less what loads code" },
  },
  {
    name: "the size of a terminal that has none",
    command: "stty size",
    args: ["-tt"],
    stdin: "",
    ours: { stdout: "25 80\r\n", because: "the manual promises 80x25" },
  },
  { name: "open files", command: "ls /proc/self/fd | wc -l" },
  { name: "signals at their defaults", command: "grep -E 'Sig(Ign|Blk)' /proc/self/status" },
  { name: "no terminal", command: "tty" },
  { name: "a terminal", command: "tty | sed 's/[0-9]*//g'; stty -a | tail -n +2", args: ["-tt"], stdin: "" },
  { name: "a terminal's exit status", command: "exit 3", args: ["-tt"], stdin: "" },
  { name: "terminal modes", command: "stty -g | cut -d: -f1-4", args: ["-tt"], stdin: "" },
  { name: "TERM", command: "echo $TERM", args: ["-tt"], stdin: "", env: { TERM: "vt220" } },
  { name: "the terminal belongs to the user", command: "stat -c '%U %a' $(tty)", args: ["-tt"], stdin: "" },
  { name: "a login shell reads commands from standard input", command: "", stdin: "echo hello; exit 5\n" },
  {
    name: "a background job keeps the channel while it holds its output",
    command: "(sleep 0.3; echo late) & echo first",
  },
  { name: "a detached job does not", command: "sleep 60 >/dev/null 2>&1 </dev/null & echo gone" },
  { name: "an unknown subsystem", command: "nothing-like-it", args: ["-s"], only: "code" },
  { name: "a process group of its own", command: "ps -o pgid=,pid= -p $$ | awk '{print $1 == $2}'" },
  { name: "core limits and nice", command: "ulimit -c; nice" },
];

Deno.test("commands behave as through OpenSSH's server", async (t) => {
  await using cluster = await Daemon.start({ nodename: "alpha" });
  await using sshd = await StockSshd.start();
  const joe = await cluster.user("joe", [LOGIN]);
  await joe.loginOk();
  const ours = [...joe.sshArgs, "-o", "LogLevel=ERROR"];
  for (const { name, command, args = [], stdin, env, only, ours: different } of CASES) {
    await t.step(name, async () => {
      const through = async (route: readonly string[], host: string) => {
        const words = command === "" ? [] : [command];
        const all = { HOME: joe.options.home, TERM: "xterm", ...env };
        const { code, stdout, stderr } = await run("ssh", [...route, ...args, `${LOGIN}@${host}`, ...words], {
          stdin,
          env: all,
        });
        const result = { code, stdout, stderr };
        return only === undefined ? result : { [only]: result[only] };
      };
      const [wanted, got] = await Promise.all([
        through(sshd.arguments, "127.0.0.1"),
        through(ours, "alpha.main"),
      ]);
      assertEquals(got, different ? { ...wanted, stdout: different.stdout } : wanted, different?.because);
    });
  }
});
