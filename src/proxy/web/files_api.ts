/**
 * Files of nodes, both ways, by sftp as the login: the node decides, and writes it into the audit log. Nothing is kept
 * here; what one side does not take, the other does not send.
 * @module
 */
import { Hono } from "hono";
import type { Clock } from "../../base/clock.ts";
import { MINUTE } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { isLogin } from "../../model/name.ts";
import { SftpClient } from "../../ssh/sftp/client.ts";
import { FileType, fileType } from "../../ssh/sftp/attributes.ts";
import { UPLOAD_PART } from "../../model/web.ts";
import { OpenFlag } from "../../ssh/sftp/protocol.ts";
import { attachment } from "./attachment.ts";
import type { WebApp, WebContext, WebEnv } from "./context.ts";
import type { NodeDialer } from "./node_dialer.ts";
import { siteOf, type WebSites } from "./sites.ts";
import { SITE_PATHS } from "./sites_api.ts";
import type { WebSession } from "./web_session.ts";
import { clientOf, type WebUsers } from "./web_users.ts";

export interface FilesOptions {
  sites: WebSites;
  dialer: NodeDialer;
  clock: Clock;
}

/** A browser that sends nothing for so long has gone. */
const STALL_MS = MINUTE;
const NEW_FILE_MODE = 0o666;

export function filesApi(users: WebUsers, options: FilesOptions): WebApp {
  const { signedIn, streams } = users;
  const { sites, dialer, clock } = options;
  const api = new Hono<WebEnv>();

  /** Runs something with the files of the node in the path; the connection ends with it, and with the session. */
  const opened = async (c: WebContext, session: WebSession) => {
    const site = siteOf(c, sites);
    const login = c.req.param("login") ?? "";
    if (!isLogin(login)) throw new AppError("bad_input", "this is no login");
    const path = c.req.query("path") ?? "";
    if (path === "" || path.includes("\0")) throw new AppError("bad_input", '"path" must name a file');
    const ssh = await dialer.connect(session, clientOf(c), { node: c.req.param("node") ?? "", login, site });
    const release = session.hold(() => ssh.close());
    const close = () => {
      release();
      ssh.close();
    };
    try {
      const sftp = await SftpClient.start((await ssh.subsystem("sftp")).stream);
      return { sftp, close, path: /^~/.test(path) ? await sftp.expandPath(path) : path };
    } catch (error) {
      close();
      throw error;
    }
  };

  for (const site of SITE_PATHS) {
    signedIn.on(api, "PUT", `${site}/nodes/:node/:login/files`, async (c, session) => {
      const free = streams.take(session, clientOf(c));
      try {
        const offset = partOf(c);
        const { sftp, path, close } = await opened(c, session);
        try {
          return c.json({ bytes: await store(sftp, path, offset, arriving(c, clock)) });
        } finally {
          close();
        }
      } finally {
        free();
      }
    });

    signedIn.on(api, "GET", `${site}/nodes/:node/:login/files`, async (c, session) => {
      const { sftp, path, close } = await opened(c, session);
      try {
        const about = await sftp.stat(path);
        if (!about) throw new AppError("not_found", "there is no such file");
        if (about.mode !== undefined && fileType(about.mode) !== FileType.REGULAR) {
          throw new AppError("bad_input", "only a plain file can be downloaded");
        }
        // The kernel's own files say 0, and hold something.
        const size = about.size === 0 ? undefined : about.size;
        const body = await streams.body(session, clientOf(c), load(sftp, path, size, close));
        return c.body(body, 200, {
          "Content-Type": "application/octet-stream",
          "Content-Disposition": attachment(path.slice(path.lastIndexOf("/") + 1)),
          ...(size === undefined ? {} : { "Content-Length": String(size) }),
        });
      } catch (error) {
        close();
        throw error;
      }
    }, "ticket");
  }
  return api;
}

/** Where the part of a file that this request brings begins. @throws {AppError} bad_input when it is too large */
function partOf(c: WebContext): number {
  const offset = c.req.query("offset") ?? "0";
  if (!/^\d{1,15}$/.test(offset)) throw new AppError("bad_input", '"offset" must be a number of bytes');
  const length = c.req.header("content-length");
  if (length === undefined || Number(length) > UPLOAD_PART) {
    const most = UPLOAD_PART / 2 ** 20;
    throw new AppError(
      "bad_input",
      `a request brings at most ${most} MiB of a file, and its length: send the next part with "offset"`,
    );
  }
  return Number(offset);
}

/**
 * Writes what arrives. A transfer that breaks off leaves what came, as scp does, and is answered as a failure.
 * @param offset 0 makes the file anew; else it has to be so long by now
 */
async function store(
  sftp: SftpClient,
  path: string,
  offset: number,
  pieces: AsyncIterable<Uint8Array>,
): Promise<number> {
  const anew = OpenFlag.WRITE | OpenFlag.CREATE | OpenFlag.TRUNCATE;
  const file = await sftp.open(path, offset === 0 ? anew : OpenFlag.WRITE, NEW_FILE_MODE);
  if (offset > 0 && (await file.stat()).size !== offset) {
    throw new AppError("conflict", "the file has changed since its last part: begin anew");
  }
  const writer = file.writer(offset);
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    for (let at = 0; at < piece.length; at += file.pieces.write) {
      await writer.write(piece.subarray(at, at + file.pieces.write));
    }
  }
  await writer.finish();
  await file.close();
  return bytes;
}

/** The request's body, as it comes, and no faster than it is taken. */
async function* arriving(c: WebContext, clock: Clock): AsyncGenerator<Uint8Array> {
  const { body } = c.env;
  if (!body) throw new AppError("internal", "a request without its connection");
  // What is left after a failure is the server's to drop, so that the answer can still leave.
  const pieces: AsyncIterator<Uint8Array> = body.iterator({ destroyOnReturn: false });
  const announced = c.req.header("content-length");
  let bytes = 0;
  try {
    for (;;) {
      const { promise: stalled, reject } = Promise.withResolvers<never>();
      const timer = clock.after(
        STALL_MS,
        () => reject(new AppError("timeout", "the upload broke off: nothing came for a minute")),
      );
      const { value, done } = await Promise.race([pieces.next(), stalled]).finally(() => timer.cancel());
      if (done) break;
      bytes += value.length;
      yield value;
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    // Whatever the stream calls it, the client went away.
    throw new AppError("bad_input", "the upload broke off");
  }
  if (announced !== undefined && Number(announced) !== bytes) {
    throw new AppError("bad_input", "the upload broke off");
  }
}

/** @param size what is announced: neither more nor less is given; undefined: all that is there */
async function* load(
  sftp: SftpClient,
  path: string,
  size: number | undefined,
  close: () => void,
): AsyncGenerator<Uint8Array> {
  try {
    const file = await sftp.open(path);
    let left = size ?? Infinity;
    for await (const piece of file.readAll(0, size ?? 0)) {
      const wanted = piece.subarray(0, left);
      left -= wanted.length;
      if (wanted.length > 0) yield wanted;
      if (left === 0) break;
    }
    if (left > 0 && size !== undefined) {
      throw new AppError("conflict", "the file became shorter while it was read");
    }
    await file.close();
  } finally {
    close();
  }
}
