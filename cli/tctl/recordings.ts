/**
 * `tctl recordings`: the recorded sessions; listing, exporting and checking them.
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import { writeAll } from "../../src/base/files.ts";
import { formatDuration } from "../../src/base/duration.ts";
import { AppError } from "../../src/base/errors.ts";
import { isUuid } from "../../src/model/name.ts";
import { toAsciicast } from "../../src/session/asciicast.ts";
import { toPlainText } from "../../src/session/plain_text.ts";
import { parsePublicKeyLine } from "../../src/ssh/public_key.ts";
import { formatOption, printResult, table, tableTime } from "../output.ts";
import { examples, Exit, print, printError, program } from "../program.ts";
import { CheckedRecording, remoteRecording, type SignerTrust } from "../../src/api/checked_recording.ts";
import { type Admin, type TctlOptions, withAdmin } from "./connect.ts";

const EXPORTS = ["asciicast", "text"] as const;
const SID = "5b5cbd5a-1f55-4a62-8d5a-4a4c0d6e2f10";

export function recordingsCommand(options: () => TctlOptions) {
  const recordings = program("recordings", "Lists, exports and checks recorded sessions.");
  recordings.command("ls").description("Lists the recorded sessions, the newest first.")
    .option("--limit <count>", "at most this many", "100")
    .addHelpText("after", examples("tctl recordings ls", "tctl recordings ls --limit=1000 --format=json"))
    .addOption(formatOption())
    .action(async ({ limit, format }) => {
      const most = /^\d{1,4}$/.test(limit) ? Number(limit) : 0;
      if (most < 1 || most > 1000) {
        throw new AppError("bad_input", `--limit is a number from 1 to 1000, not "${limit}"`);
      }
      await withAdmin(options(), async ({ api }) => {
        const list = await api.call("recordings.list", { limit: most });
        const nodes = new Map(
          (await api.call("servers.list", { role: "node" })).map(({ id, name }) => [id, name]),
        );
        await printResult(format, list, () =>
          table(
            ["Session ID", "User", "Login", "Node", "Started", "Length", "Bytes"],
            list.map((
              { sid, user = "-", login = "-", server_id = "-", name, started, ended, modified, bytes },
            ) => [
              sid,
              user,
              login,
              name ?? nodes.get(server_id) ?? server_id,
              tableTime(started ?? modified),
              started === undefined || ended === undefined
                ? "running or cut off"
                : formatDuration(Math.round((ended - started) / 1000) * 1000),
              String(bytes),
            ]),
          ));
      });
    });
  recordings.command("export").description("Writes a recorded session in another form.")
    .argument("<session>", "the session's id")
    .addOption(
      new Option("--format <format>", "asciicast for asciinema's players, text for reading and searching")
        .choices(EXPORTS).default("asciicast" as const),
    )
    .option("-o, --out <file>", "the file to write; else it goes to standard output")
    .addHelpText(
      "after",
      examples(
        `tctl recordings export ${SID} --out=session.cast`,
        `tctl recordings export ${SID} --format=text`,
      ),
    )
    .action(async (sid, { format, out }) => {
      await withRecording(options(), sid, async (recording) => {
        const frames = recording.frames();
        await write(format === "text" ? toPlainText(frames) : toAsciicast(frames, `session ${sid}`), out);
        const { sound, text } = recording.verdict();
        if (!sound) printError(`this recording: ${text}\n`);
      });
    });
  recordings.command("verify").description("Checks that a recording is as its host has made it.")
    .argument("<session>", "the session's id")
    .addHelpText("after", examples(`tctl recordings verify ${SID}`))
    .action(async (sid) => {
      await withRecording(options(), sid, async (recording) => {
        for await (const _ of recording.frames());
        const { sound, text } = recording.verdict();
        print(`${text}\n`);
        if (!sound) throw new Exit(1);
      });
    });
  return recordings;
}

async function withRecording(
  options: TctlOptions,
  sid: string,
  use: (recording: CheckedRecording) => Promise<void>,
): Promise<void> {
  if (!isUuid(sid)) throw new AppError("bad_input", `'${sid}' is not a valid session ID (must be GUID)`);
  await withAdmin(options, async ({ api }) => {
    await use(new CheckedRecording(remoteRecording(api, sid), sid, await trustOf(api)));
  });
}

/** The cluster's host authorities. */
async function trustOf(api: Admin["api"]): Promise<SignerTrust> {
  const host = (await api.call("authorities.list", {})).filter(({ kind }) => kind === "host");
  return {
    cluster: host[0]?.cluster ?? "",
    host: host.flatMap(({ keys }) => keys.map((line) => parsePublicKeyLine(line).key)),
  };
}

/** To a new file that only its owner can read, or to standard output. */
async function write(text: AsyncIterable<string>, path: string | undefined): Promise<void> {
  const encoder = new TextEncoder();
  if (path === undefined) {
    for await (const line of text) print(line);
    return;
  }
  using file = await create(path);
  for await (const line of text) await writeAll(file, encoder.encode(line));
}

async function create(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new AppError("already_exists", `${path} exists already; name another file`);
  }
}
