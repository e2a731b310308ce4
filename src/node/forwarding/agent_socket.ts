/**
 * A forwarded ssh-agent on this host: a socket in a folder of its own, for one session. The folder (0700) and the socket
 * (0600) belong to the login's OS user; other users cannot get there, and who connects is looked at besides.
 * @module
 */
import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { AppError, isAppError, messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { relayAgent } from "../../ssh/agent_relay.ts";
import { asUser } from "../os/as_user.ts";
import { cString } from "../os/c_memory.ts";
import { fileIdentity } from "../os/file_identity.ts";
import { libc } from "../os/libc.ts";
import { listDirectory } from "../os/list_directory.ts";
import { lastErrno, must, osError } from "../os/os_error.ts";
import { connectUnix, UnixListener } from "../os/unix_socket.ts";
import { lookupUserId, type OsUser } from "../os/user.ts";

const log = logger("node");

const TEMPORARY = "/tmp";
const PRIVATE = 0o700;
/** Programs of one session that use the agent at the same moment. */
const MAX_USERS = 16;
const SOCKET = /^teleport-\d+\.socket$/;

/** What the names of one node's folders start with, so that a restarted node finds what a crash has left. */
function prefixOf(hostId: string): string {
  return `teleport-${hostId.replace(/[^\w-]/g, "").slice(0, 8)}-`;
}

export class AgentSocket {
  /** For the session's SSH_AUTH_SOCK. */
  readonly path: string;
  readonly #folder: string;
  readonly #user: OsUser;
  readonly #listener: UnixListener;
  readonly #streams = new Set<Socket>();

  /**
   * Makes the socket.
   * @param connect opens a connection to the client's agent
   * @throws {AppError} when the system refuses
   */
  constructor(hostId: string, user: OsUser, connect: () => Promise<Duplex>) {
    this.#user = user;
    this.#folder = `${TEMPORARY}/${prefixOf(hostId)}${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
    this.path = `${this.#folder}/teleport-${Deno.pid}.socket`;
    const { mkdir } = libc();
    asUser(user, () => must(mkdir(cString(this.#folder), PRIVATE), `make the folder ${this.#folder}`));
    try {
      this.#listener = new UnixListener(
        this.path,
        user,
        (stream, uid) => void this.#serve(stream, uid, connect),
      );
    } catch (error) {
      removeFolder(this.#folder, user);
      throw error;
    }
  }

  /** Ends all use of the agent and removes the socket. */
  close(): void {
    this.#listener.close();
    for (const stream of this.#streams) stream.destroy();
    removeFolder(this.#folder, this.#user);
  }

  async #serve(stream: Socket, uid: number, connect: () => Promise<Duplex>): Promise<void> {
    stream.on("error", () => {}); // its end is noticed
    if ((uid !== this.#user.uid && uid !== 0) || this.#streams.size >= MAX_USERS) {
      return void stream.destroy();
    }
    this.#streams.add(stream);
    stream.once("close", () => this.#streams.delete(stream));
    try {
      await relayAgent(stream, await connect());
    } catch (error) {
      if (!isAppError(error)) throw error;
      log.debug("an agent cannot be reached: {error}", { error: messageOf(error) });
      stream.destroy();
    }
  }
}

/** Removes an empty folder; with the user's rights, so that nothing else can be hit. */
function removeFolder(folder: string, user: OsUser): void {
  const { rmdir } = libc();
  const errno = asUser(user, () => rmdir(cString(folder)) === 0 ? 0 : lastErrno());
  // The user may have put something there, or removed it.
  if (errno !== 0) log.debug("{error}", { error: osError(`remove ${folder}`, errno).message });
}

/** Removes the sockets that an earlier run of this node has left, which nobody serves any more. */
export function removeStaleAgents(hostId: string): void {
  const prefix = prefixOf(hostId);
  for (const name of listDirectory(TEMPORARY)) {
    if (!name.startsWith(prefix)) continue;
    const folder = `${TEMPORARY}/${name}`;
    const found = fileIdentity(folder);
    if (!found?.isDirectory || found.mode !== PRIVATE) continue;
    try {
      removeStale(folder, found.uid);
    } catch (error) {
      if (!isAppError(error)) throw error;
      log.debug("an old agent socket stays: {error}", { error: error.message });
    }
  }
}

/** All is done with the rights of the folder's owner: should it be another's trap, it catches nobody else. */
function removeStale(folder: string, uid: number): void {
  const user = lookupUserId(uid);
  if (!user) throw new AppError("not_found", `${folder} belongs to user ${uid}, who does not exist`);
  for (const name of asUser(user, () => listDirectory(folder))) {
    const path = `${folder}/${name}`;
    if (!SOCKET.test(name) || isServed(path, user)) continue;
    const { unlink } = libc();
    asUser(user, () => unlink(cString(path)));
  }
  removeFolder(folder, user);
}

/** True when a process accepts connections there: another one of this node, during a restart. */
function isServed(path: string, user: OsUser): boolean {
  try {
    connectUnix(path, user).destroy();
    return true;
  } catch (error) {
    if (isAppError(error, "unavailable")) return false;
    throw error;
  }
}
