/**
 * Files to a server and back.
 * @module
 */
import { apiUrl, credentials } from "../request.ts";
import { filePath } from "../api.ts";
import { UPLOAD_PART } from "../../model/web.ts";
import { RequestFailure, UNREACHABLE } from "../failure.ts";
import type { Target } from "./connection.ts";

/** How far a transfer is. */
export interface Progress {
  sent: number;
  total: number;
}

/** Sends a file, one part after the other. @throws {RequestFailure} */
export async function upload(
  target: Target,
  path: string,
  file: File,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  let offset = 0;
  do {
    const part = file.slice(offset, offset + UPLOAD_PART);
    const before = offset;
    const tell = (sent: number) => onProgress({ sent: before + sent, total: file.size });
    await send(filePath(target, path, offset), part, tell, signal);
    offset += part.size;
  } while (offset < file.size);
}

/** The older request object of browsers is used, because the newer tells nothing of its progress. */
function send(
  path: string,
  part: Blob,
  onProgress: (sent: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", apiUrl(path));
    for (const [name, value] of Object.entries(credentials())) request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = ({ loaded }) => onProgress(loaded);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(new RequestFailure(request.status, messageIn(request.responseText, request.status)));
    };
    request.onerror = () => reject(new RequestFailure(0, UNREACHABLE));
    request.onabort = () => reject(new RequestFailure(0, "the upload was stopped"));
    const abort = () => request.abort();
    signal.addEventListener("abort", abort, { once: true });
    request.onloadend = () => signal.removeEventListener("abort", abort);
    if (signal.aborted) request.abort();
    else request.send(part);
  });
}

function messageIn(text: string, status: number): string {
  try {
    const { message }: { message?: unknown } = JSON.parse(text);
    if (typeof message === "string" && message !== "") return message;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return `the server answered with status ${status}`;
}

/** Where a file goes that is put into a folder, or under a name of its own. */
export function destination(path: string, name: string): string {
  if (path === "") return name;
  return path.endsWith("/") ? path + name : path;
}
