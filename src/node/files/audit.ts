/**
 * Audit events of one session's files, out of the reports of the process that serves them. Nothing it has open goes
 * unnoticed, also when it ends without a word; and when events pile up, because auth cannot be reached or because there
 * are so many, the reports wait, and with them the process.
 * @module
 */
import type { Readable } from "node:stream";
import { AppError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { EventFields } from "../../model/event.ts";
import type { NodeContext } from "../context.ts";
import { type Deed, MAX_REPORT_LINE, parseReport, type Report } from "./report.ts";

const log = logger("node");

/** More events than this in the queue, and files have to wait. A quarter of what it holds. */
const MAX_WAITING = 5000;
const LOOK_AGAIN_MS = 50;
const MAX_OPEN = 4096;

/** Where events go. */
export type EventSink = Pick<NodeContext, "clock" | "emit" | "waitingEvents">;

export class FileAudit {
  readonly #node: EventSink;
  readonly #fields: EventFields;
  readonly #open = new Map<number, Deed>();
  readonly #decoder = new TextDecoder();
  #line = "";
  /** How many events there were. */
  count = 0;

  /** @param fields the event's name, and what all events of the session have in common */
  constructor(node: EventSink, fields: EventFields) {
    this.#node = node;
    this.#fields = fields;
  }

  /**
   * Makes events of all reports. Settles at their end; rejects with AppError when they cannot be understood, and the
   * process must be ended then.
   */
  async follow(reports: Readable): Promise<void> {
    for await (const piece of reports) {
      for (const report of this.#reports(piece as Uint8Array)) {
        this.#handle(report);
        while (this.#node.waitingEvents() > MAX_WAITING) {
          await new Promise<void>((resolve) => this.#node.clock.after(LOOK_AGAIN_MS, resolve));
        }
      }
    }
  }

  /** To be called when the process has ended: what it did not close is told of. */
  finish(): void {
    for (const deed of this.#open.values()) {
      this.#emit({ ...deed, error: "the process that served the file ended before it was closed" });
    }
    this.#open.clear();
  }

  *#reports(piece: Uint8Array): Generator<Report> {
    this.#line += this.#decoder.decode(piece, { stream: true });
    for (let end = this.#line.indexOf("\n"); end >= 0; end = this.#line.indexOf("\n")) {
      const report = parseReport(this.#line.slice(0, end));
      this.#line = this.#line.slice(end + 1);
      if (report === undefined) throw new AppError("bad_input", "a report on files cannot be read");
      yield report;
    }
    if (this.#line.length > MAX_REPORT_LINE) throw new AppError("bad_input", "a report on files is too long");
  }

  #handle(report: Report): void {
    switch (report.type) {
      case "opened":
        if (this.#open.size >= MAX_OPEN) throw new AppError("limit", "too many files are open");
        this.#open.set(report.id, { action: report.action, path: report.path });
        return;
      case "done":
        if (report.id !== undefined) this.#open.delete(report.id);
        return this.#emit(report.deed);
      case "fault":
        return log.error("the process that serves files failed: {text}", { text: report.text });
    }
  }

  #emit({ error, ...deed }: Deed): void {
    this.count++;
    this.#node.emit({ ...this.#fields, ...deed, success: error === undefined, error });
  }
}
