/**
 * `tsh`: the user's client.
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import { PARTY_MODES } from "../../src/model/live_session.ts";
import { addCompletion } from "../completion/command.ts";
import { formatOption, FORMATS } from "../output.ts";
import { examples, program, runProgram } from "../program.ts";
import { printVersion, versionText } from "../version.ts";
import { addCommonOptions, type TshOptions, VALUE_OPTIONS } from "./options.ts";

const COMMANDS = [
  "login",
  "logout",
  "status",
  "ls",
  "ssh",
  "scp",
  "config",
  "play",
  "join",
  "sessions",
  "clusters",
  "show",
  "completion",
  "version",
  "help",
];

export function tsh(args: string[]): Promise<number> {
  const root = addCommonOptions(program("tsh", "Logs in to a Teleport cluster and to its nodes."))
    .version(versionText(), "--version", "show the version")
    .enablePositionalOptions()
    .addHelpText(
      "after",
      examples(
        "tsh login --proxy=work.example.com --user=joe",
        "tsh ls",
        "tsh ssh root@luna",
        "tsh ssh luna ls -l /var",
      ),
    );
  const common = (options: object): TshOptions => ({ ...root.opts(), ...options });
  const command = (name: string, text: string) => addCommonOptions(root.command(name).description(text));

  command("login", "Logs in to a cluster and gets a certificate.")
    .argument("[name]", "the cluster, or the Teleport user")
    .addHelpText(
      "after",
      examples(
        "tsh login --proxy=work.example.com --user=joe",
        "tsh login --proxy=work.example.com:443 --ttl=8h",
        "tsh login east                                # of a trusted cluster, with the login there is",
        "tsh login --proxy=work.example.com --out=joe.pem",
      ),
    )
    .option("-o, --out <file>", "write the identity into this file, and keep it nowhere else")
    .addOption(
      new Option("--format <format>", "of the file: all in one, or OpenSSH's two").choices([
        "file",
        "openssh",
      ])
        .default("file" as const),
    )
    .action(async (name, options) => {
      await (await import("./login.ts")).loginCommand(name, common(options), options);
    });
  command("logout", "Deletes the certificates of a cluster, or of all.")
    .addHelpText(
      "after",
      examples("tsh logout", "tsh logout --proxy=work.example.com --user=joe"),
    )
    .action(async (options) => await (await import("./logout.ts")).logoutCommand(common(options)));
  command("status", "Shows the logins and how long they are valid.").addOption(formatOption())
    .addHelpText(
      "after",
      examples("tsh status", "tsh status --format=json", "tsh --proxy=work.example.com -i robot.pem status"),
    )
    .action(async (options) =>
      await (await import("./status.ts")).statusCommand(common(options), options.format)
    );
  command("ls", "Lists the nodes of the cluster.")
    .addOption(
      new Option("--format <format>", "output format").choices([...FORMATS, "ansible"]).default(
        "text" as const,
      ),
    )
    .addOption(
      new Option("-v, --verbose", "as later versions have it; everything is shown anyway").hideHelp(),
    )
    .argument("[labels]", "only nodes with these labels: key=value,key=value")
    .addHelpText(
      "after",
      examples(
        "tsh ls",
        "tsh ls env=prod,tier=db",
        "tsh --cluster=east ls",
        "tsh ls --format=ansible > inventory.json",
      ),
    )
    .action(async (labels, options) =>
      await (await import("./ls.ts")).lsCommand(labels, common(options), options.format)
    );
  command("clusters", "Lists the clusters that can be reached.").addOption(formatOption())
    .option("-q, --quiet", "no heading")
    .addHelpText("after", examples("tsh clusters", "tsh clusters --format=json"))
    .action(async (options) => {
      await (await import("./ls.ts")).clustersCommand(
        common(options),
        options.quiet === true,
        options.format,
      );
    });
  // OpenSSH's flags have a parser of their own: ssh/flags.ts.
  root.command("ssh").description("Opens a shell or runs a command on a node; takes the flags of ssh.")
    .usage("[flags] [user@]host [command...]").helpOption(false)
    .allowUnknownOption().passThroughOptions().argument("[args...]")
    .action(async (args) => {
      const [{ parseCall }, { runSsh }] = await Promise.all([
        import("./ssh/flags.ts"),
        import("./ssh/run.ts"),
      ]);
      await runSsh(parseCall(args, common({})));
    });
  root.command("scp").description("Copies files to and from nodes; takes the flags of scp.")
    .usage("[flags] <from>... <to>").helpOption(false)
    .allowUnknownOption().passThroughOptions().argument("[args...]")
    .action(async (args) => {
      const [{ parseScpCall }, { runScp }] = await Promise.all([
        import("./scp/flags.ts"),
        import("./scp/run.ts"),
      ]);
      await runScp(parseScpCall(args, common({})));
    });
  command("config", "Prints what ssh needs to reach the cluster's nodes, or puts it into ~/.ssh/config.")
    .option("--write", "put it into ~/.ssh/config")
    .option("--remove", "take it out of there")
    .addHelpText(
      "after",
      examples("tsh config", "tsh config --write", "ssh root@luna.main", "tsh config --remove"),
    )
    .action(async (options) => {
      await (await import("./config/run.ts")).configCommand({ ...common(options), ...options });
    });
  command(
    "play",
    "Replays a recorded session: space pauses, left and right seek, up and down change the speed, i skips idle time, " +
      "q quits.",
  )
    .argument(
      "<session>",
      "the session's id, as the audit log has it, or a file: asciicast or .session.bytes",
    )
    .option("--speed <factor>", "from 0.25 to 16", "1")
    .option("--skip-idle", "shorten gaps of more than two seconds")
    .option("--raw", "write the session's bytes at once, without its pace")
    .addHelpText(
      "after",
      examples("tsh play 5b5cbd5a-1f55-4a62-8d5a-4a4c0d6e2f10", "tsh play --speed=4 --skip-idle SESSION"),
    )
    .action(async (session, options) => {
      await (await import("./play.ts")).playCommand(session, { ...common(options), ...options });
    });
  root.command("show", { hidden: true }).description("Shows what an identity file holds.")
    .argument("<file>")
    .addHelpText("after", examples("tsh show jenkins.pem"))
    .action(async (file) => await (await import("./show.ts")).showCommand(file));
  command("sessions", "Lists the sessions that are running and may be joined.").addOption(formatOption())
    .addHelpText("after", examples("tsh sessions", "tsh --cluster=east sessions --format=json"))
    .action(async (options) => {
      await (await import("./sessions.ts")).sessionsCommand(common(options), options.format);
    });
  command("join", "Takes part in a session that is running; ~. leaves it.")
    .argument("<session>", "the session's id, as tsh sessions has it")
    .addOption(
      new Option("--mode <mode>", "a peer types, an observer only looks on").choices(PARTY_MODES)
        .default("peer" as const),
    )
    .addHelpText("after", examples("tsh sessions", "tsh join 5b5cbd5a-1f55-4a62-8d5a-4a4c0d6e2f10"))
    .action(async (session, options) => {
      await (await import("./join.ts")).joinCommand(session, { ...common(options), mode: options.mode });
    });
  addCompletion(root, async () => (await import("./completion_words.ts")).TSH_WORDS);
  root.command("version").description("Shows the version.").action(printVersion);
  return runProgram(root, withCommand(args));
}

/** `tsh --proxy=work root@luna` means `tsh --proxy=work ssh root@luna`. */
export function withCommand(args: readonly string[]): string[] {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (VALUE_OPTIONS.includes(arg)) i++;
    else if (!arg.startsWith("-")) {
      return COMMANDS.includes(arg) ? [...args] : [...args.slice(0, i), "ssh", ...args.slice(i)];
    }
  }
  return [...args];
}
