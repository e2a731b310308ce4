/**
 * A security key as the second factor, by way of the program `u2f-host`, which speaks to keys on USB.
 * @module
 */
import { AppError, messageOf } from "../../src/base/errors.ts";
import { SECOND } from "../../src/base/duration.ts";
import type { KeyChallenge } from "../../src/model/security_key.ts";
import { printableCell } from "../output.ts";
import { printError } from "../program.ts";
import { callWeb, type Ping, type WebProxy } from "./web.ts";

const PROGRAM = "u2f-host";
const DEFAULT_HTTPS_PORT = 443;
/** How long there is to find the key and touch it. */
const PATIENCE_MS = 60 * SECOND;

/**
 * The key's answer, to be sent with the password.
 * @throws {AppError} with what to install, where to go, or what the program said
 */
export async function answerOfKey(proxy: WebProxy, user: string, { auth }: Ping): Promise<unknown> {
  const { host, port } = proxy;
  const origin = `https://${host}${port === DEFAULT_HTTPS_PORT ? "" : `:${port}`}`;
  const facets = auth.u2f?.facets ?? [];
  if (!facets.includes(origin)) {
    throw new AppError(
      "bad_input",
      `the cluster does not list ${origin} among the addresses where security keys are used ` +
        `(${facets.map(printableCell).join(", ")}); log in with --proxy= one of those`,
    );
  }
  const { version, appId, challenge, keyHandle } = await callWeb<KeyChallenge>(
    proxy,
    "POST",
    "/webapi/u2f/signrequest",
    { user },
  );
  printError("Please press the button on your U2F key\n");
  return await run(origin, JSON.stringify({ version, appId, challenge, keyHandle }));
}

async function run(origin: string, challenge: string): Promise<unknown> {
  let program: Deno.ChildProcess;
  try {
    program = new Deno.Command(PROGRAM, {
      args: ["-aauthenticate", "-o", origin],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new AppError(
      "unsupported",
      `security keys are used through "${PROGRAM}", which is not installed: apt-get install u2f-host, ` +
        "or brew install libu2f-host",
      { cause: error },
    );
  }
  const output = program.output();
  try {
    const writer = program.stdin.getWriter();
    await writer.write(new TextEncoder().encode(challenge));
    await writer.close();
  } catch (error) {
    // A program that ended before it read says why with its output.
    if (!(error instanceof Error)) throw error;
  }
  const { success, signal, stdout, stderr } = await output;
  if (!success) {
    const said = new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "";
    const why = signal !== null ? "nothing happened for a minute" : printableCell(said) || "it failed";
    throw new AppError("unauthenticated", `no security key has answered: ${why.slice(0, 300)}`);
  }
  try {
    return JSON.parse(new TextDecoder().decode(stdout));
  } catch (error) {
    throw new AppError("unauthenticated", `${PROGRAM} gave no answer that can be read: ${messageOf(error)}`);
  }
}
