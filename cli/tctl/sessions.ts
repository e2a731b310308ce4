/**
 * `tctl sessions`: the sessions that run at this moment; seeing them, and ending one.
 * @module
 */
import { AppError } from "../../src/base/errors.ts";
import { isUuid } from "../../src/model/name.ts";
import { formatOption, printResult } from "../output.ts";
import { examples, print, program } from "../program.ts";
import { sessionTable } from "../tsh/sessions.ts";
import { type TctlOptions, withAdmin } from "./connect.ts";

export function sessionsCommand(options: () => TctlOptions) {
  const sessions = program("sessions", "Lists and ends the sessions that are running.");
  sessions.command("ls").description("Lists the sessions that are running.").addOption(formatOption())
    .addHelpText("after", examples("tctl sessions ls", "tctl sessions ls --format=json"))
    .action(async ({ format }) => {
      await withAdmin(options(), async ({ api }) => {
        const list = await api.call("sessions.list", {});
        await printResult(format, list, () => sessionTable(list));
      });
    });
  sessions.command("end").description("Ends a session: its program, and everybody who is in it.")
    .argument("<session>", "the session's id")
    .addHelpText("after", examples("tctl sessions end 5b5cbd5a-1f55-4a62-8d5a-4a4c0d6e2f10"))
    .action(async (sid) => {
      if (!isUuid(sid)) {
        throw new AppError("bad_input", `'${sid}' is not a valid session ID (must be GUID)`);
      }
      await withAdmin(options(), async ({ api }) => {
        const { ended } = await api.call("sessions.end", { sid });
        if (!ended) {
          throw new AppError(
            "timeout",
            `the node of session ${sid} has not ended it within five seconds; try again when it can be reached`,
          );
        }
        print(`Session ${sid} has ended.\n`);
      });
    });
  return sessions;
}
