import { assertEquals } from "@std/assert";
import { AppError } from "../src/base/errors.ts";
import { failureText, helpWanted } from "./program.ts";

async function failureOf(work: Promise<unknown>): Promise<string> {
  return failureText(await work.then(() => undefined, (error) => error));
}

Deno.test("what the operating system refuses is told as what failed, on which file and why", async () => {
  assertEquals(
    await failureOf(Deno.readTextFile("/nowhere/it's")),
    "cannot read /nowhere/it's: No such file or directory",
  );
  assertEquals(await failureOf(Deno.writeTextFile("/", "")), "cannot write /: Is a directory");
  assertEquals(failureText(new AppError("not_found", "no node: 'x'")), "no node: 'x'");
  const wrapped = "the key is lost: Is a directory (os error 21): readfile '/tmp'";
  assertEquals(failureText(new AppError("internal", wrapped)), "the key is lost: Is a directory");
});

Deno.test("help takes the words of a command below another one, after the tool's own options", () => {
  const options = [{ short: "-c", long: "--config", required: true }, { short: "-d", required: false }];
  const wanted = (...args: string[]) => helpWanted(args, options).join(" ");
  assertEquals(wanted("help", "users", "add"), "users add --help");
  assertEquals(wanted("-d", "-c", "help", "help", "ls"), "-d -c help ls --help");
  for (const other of [["help"], ["users", "help"], ["-c", "help"], ["--config=x", "help"], []]) {
    assertEquals(wanted(...other), other.join(" "));
  }
});
