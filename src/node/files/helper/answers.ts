/**
 * The answers of the sftp server on their way out, collected so that many small ones leave in one write.
 * @module
 */
import type { Attributes } from "../../../ssh/sftp/attributes.ts";
import { PacketWriter } from "../../../ssh/sftp/packet_writer.ts";
import { MAX_DATA, MAX_PACKET, PacketType, Status } from "../../../ssh/sftp/protocol.ts";
import { encodeResponse, type NamedFile, type Response } from "../../../ssh/sftp/response.ts";
import {
  EACCES,
  EBADF,
  EFAULT,
  EINVAL,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOSYS,
  ENOTDIR,
  EPERM,
} from "./calls.ts";
import { errorText } from "./reporter.ts";
import { writeOutput } from "./stdio.ts";

/** What waits is sent when it is more than this. */
const ENOUGH = 64 * 1024;

/** As OpenSSH tells them. */
const MESSAGES: Readonly<Record<number, string>> = {
  [Status.OK]: "Success",
  [Status.EOF]: "End of file",
  [Status.NO_SUCH_FILE]: "No such file",
  [Status.PERMISSION_DENIED]: "Permission denied",
  [Status.FAILURE]: "Failure",
  [Status.BAD_MESSAGE]: "Bad message",
  [Status.OP_UNSUPPORTED]: "Operation unsupported",
};

/** OpenSSH's choice of a status for an error number. */
const STATUS_OF: ReadonlyMap<number, number> = new Map([
  [0, Status.OK],
  ...[ENOENT, ENOTDIR, EBADF, ELOOP].map((errno) => [errno, Status.NO_SUCH_FILE] as const),
  ...[EPERM, EACCES, EFAULT].map((errno) => [errno, Status.PERMISSION_DENIED] as const),
  ...[ENAMETOOLONG, EINVAL].map((errno) => [errno, Status.BAD_MESSAGE] as const),
  [ENOSYS, Status.OP_UNSUPPORTED],
]);

const encoder = new TextEncoder();

export class Answers {
  readonly #writer = new PacketWriter(2 * MAX_PACKET);

  /** Sends what waits. */
  flush(): void {
    writeOutput(this.#writer.bytes());
    this.#writer.clear();
  }

  flushIfMuch(): void {
    if (this.#writer.length > ENOUGH) this.flush();
  }

  status(id: number, status: number, message = MESSAGES[status] ?? ""): void {
    this.send(id, { type: "status", status, message: encoder.encode(message) });
  }

  /** How a call of the system ended: with a result, or with a negative error number. */
  result(id: number, result: number): void {
    if (result >= 0) return this.status(id, Status.OK);
    const status = STATUS_OF.get(-result) ?? Status.FAILURE;
    this.status(id, status, status === Status.FAILURE ? errorText(result) : undefined);
  }

  attributes(id: number, attributes: Attributes): void {
    this.send(id, { type: "attributes", attributes });
  }

  /** One name without attributes, as realpath and readlink answer. */
  name(id: number, name: Uint8Array): void {
    this.names(id, [{ name, longName: name, attributes: {} }]);
  }

  names(id: number, files: NamedFile[]): void {
    this.send(id, { type: "name", files });
  }

  handle(id: number, handle: Uint8Array): void {
    this.send(id, { type: "handle", handle });
  }

  send(id: number, response: Response): void {
    encodeResponse(this.#writer, id, response);
  }

  /** An answer of an extension. */
  extended(id: number, write: (writer: PacketWriter) => void): void {
    this.#writer.begin(PacketType.EXTENDED_REPLY).uint32(id);
    write(this.#writer);
    this.#writer.end();
  }

  /** Data that `fill` reads straight into the answer. @returns what `fill` gave: a count, 0 at the end, or an error */
  data(id: number, length: number, fill: (into: Uint8Array<ArrayBuffer>) => number): number {
    this.#writer.begin(PacketType.DATA).uint32(id);
    const count = fill(this.#writer.room(Math.min(length, MAX_DATA)));
    if (count > 0 || count === 0 && length === 0) {
      this.#writer.filled(count).end();
      return count;
    }
    this.#writer.abandon();
    if (count < 0) this.result(id, count);
    else this.status(id, Status.EOF);
    return count;
  }

  /** The first packet of all. */
  first(write: (writer: PacketWriter) => void): void {
    write(this.#writer);
  }
}
