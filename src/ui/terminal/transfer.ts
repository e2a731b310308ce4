/**
 * Files to a server and back.
 * @module
 */
import { apiUrl, credentials } from "../request.ts";
import { filePath } from "../api.ts";
import { RequestFailure, UNREACHABLE } from "../failure.ts";
import type { Target } from "./connection.ts";

/** How far a transfer is. */
export interface Progress {
  sent: number;
  total: number;
}

/**
 * Sends a file. The older request object of browsers is used, because the newer tells nothing of its progress.
 * @throws {RequestFailure}
 */
export function upload(
  target: Target,
  path: string,
  file: File,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", apiUrl(filePath(target.server, target.login, path)));
    for (const [name, value] of Object.entries(credentials())) request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = ({ loaded, total }) => onProgress({ sent: loaded, total });
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(new RequestFailure(request.status, messageIn(request.responseText, request.status)));
    };
    request.onerror = () => reject(new RequestFailure(0, UNREACHABLE));
    request.onabort = () => reject(new RequestFailure(0, "the upload was stopped"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
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
