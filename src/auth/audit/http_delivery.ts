/**
 * Events posted to a collector: one JSON object a line (`application/x-ndjson`), as Splunk, Elastic, Loki and vector
 * take them.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import type { Files } from "../../base/files.ts";
import { httpCall } from "../../base/https_call.ts";
import type { HttpSinkSettings } from "./sink_settings.ts";

const TIMEOUT_MS = 20_000;
/** Nothing of the answer is used but its status. */
const MAX_ANSWER = 1024 * 1024;
/** The collector does not take this content, now or ever. */
const NEVER = new Set([400, 413, 415, 422]);

/** @returns delivers lines; rejects as `SinkOptions.deliver` wants it */
export function httpDelivery(
  { target, authHeaderFile, caFile, proxy }: HttpSinkSettings,
  files: Pick<Files, "readText">,
): (lines: readonly string[]) => Promise<void> {
  return async (lines) => {
    const authorization = authHeaderFile === undefined ? undefined : await secretLine(files, authHeaderFile);
    const ca = caFile === undefined ? undefined : await needed(files, caFile);
    const { status } = await httpCall({
      ...target,
      method: "POST",
      headers: {
        "content-type": "application/x-ndjson",
        ...(authorization === undefined ? {} : { authorization }),
      },
      body: lines.map((line) => `${line}\n`).join(""),
      ca,
      proxy,
      timeoutMs: TIMEOUT_MS,
      maxBody: MAX_ANSWER,
    });
    if (status >= 200 && status < 300) return;
    throw new AppError(NEVER.has(status) ? "bad_input" : "unavailable", `it answered with status ${status}`);
  };
}

async function needed(files: Pick<Files, "readText">, path: string): Promise<string> {
  const text = await files.readText(path);
  if (text === undefined) throw new AppError("not_found", `${path} does not exist`);
  return text;
}

/** @throws {AppError} for a file that is no single line, without repeating it: it is a secret */
async function secretLine(files: Pick<Files, "readText">, path: string): Promise<string> {
  const text = (await needed(files, path)).trim();
  if (/^[\x21-\x7e][\x20-\x7e]*$/.test(text)) return text;
  throw new AppError("unavailable", `${path} must hold one line: the value of the Authorization header`);
}
