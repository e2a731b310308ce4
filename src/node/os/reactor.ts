/**
 * Readiness of descriptors: one epoll set for all of them, waited on by a single outstanding call. So any number of
 * sessions occupies one thread of the blocking pool (a pool of 32; filling it stops every file operation).
 * @module
 */
import { block } from "./c_memory.ts";
import { isArm64, libc, O_CLOEXEC, O_NONBLOCK } from "./libc.ts";
import { must, osError } from "./os_error.ts";
import { AppError } from "../../base/errors.ts";

/** Something to read, or the end. */
export const READABLE = 0x1;
/** Room to write. */
export const WRITABLE = 0x4;
/** Reported without being asked for: the other side is gone, or the descriptor failed. */
export const BROKEN = 0x8 | 0x10;

/** A descriptor in the reactor. */
export interface Watch {
  /**
   * Which of READABLE and WRITABLE to report from now on. 0 reports nothing, not even BROKEN, and does not keep the
   * process alive. Level-triggered: reported again until dealt with. Throws AppError when the kernel refuses.
   */
  want(events: number): void;
  /** Stops reporting; call it before closing the descriptor. Calling it again does nothing. */
  close(): void;
}

const EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL = 2, EPOLL_CTL_MOD = 3;
// `struct epoll_event` is packed on x86_64 only.
const EVENT_SIZE = isArm64 ? 16 : 12;
const EVENT_DATA = isArm64 ? 8 : 4;
const BATCH = 256;
const WAKE_TOKEN = 0;
const MAX_FAILURES = 100;

class Reactor {
  readonly #epoll = must(libc().epoll_create1(O_CLOEXEC), "create an epoll set");
  readonly #wake = must(libc().eventfd(0, O_CLOEXEC | O_NONBLOCK), "create an event descriptor");
  // Memory of the C library: the waiting thread may still write there after a terminated Worker's own memory is gone.
  readonly #events = libc().malloc(BigInt(EVENT_SIZE * BATCH));
  readonly #view: DataView;
  readonly #handlers = new Map<number, (events: number) => void>();
  readonly #scratch = block(16);
  #lastToken = WAKE_TOKEN;
  #armed = 0;
  #waiting = false;
  #running = false;

  constructor() {
    if (this.#events === null) throw new AppError("limit", "out of memory");
    this.#view = new DataView(Deno.UnsafePointerView.getArrayBuffer(this.#events, EVENT_SIZE * BATCH));
    this.#control(EPOLL_CTL_ADD, this.#wake, READABLE, WAKE_TOKEN);
  }

  watch(fd: number, ready: (events: number) => void): Watch {
    // Events carry a token instead of the descriptor: within one batch a number may be closed and given out again.
    const token = ++this.#lastToken;
    let wanted = 0;
    let closed = false;
    this.#handlers.set(token, ready);
    const want = (events: number) => {
      if (closed || events === wanted) return;
      const operation = events === 0 ? EPOLL_CTL_DEL : wanted === 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
      this.#control(operation, fd, events, token);
      this.#count((events === 0 ? 0 : 1) - (wanted === 0 ? 0 : 1));
      wanted = events;
    };
    const close = () => {
      if (closed) return;
      want(0);
      closed = true;
      this.#handlers.delete(token);
    };
    return { want, close };
  }

  #control(operation: number, fd: number, events: number, token: number): void {
    const event = new DataView(this.#scratch.buffer);
    event.setUint32(0, events, true);
    event.setUint32(EVENT_DATA, token, true);
    must(libc().epoll_ctl(this.#epoll, operation, fd, this.#scratch), "watch a descriptor");
  }

  #count(change: number): void {
    this.#armed += change;
    if (this.#armed > 0 && !this.#running) {
      this.#running = true;
      this.#run().catch(reportError);
    } else if (this.#armed === 0 && this.#waiting) {
      // The outstanding wait would keep the process alive for ever.
      libc().write(this.#wake, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]), 8n);
    }
  }

  async #run(): Promise<void> {
    let failures = 0;
    try {
      while (this.#armed > 0) {
        this.#waiting = true;
        const count = await libc().epoll_wait_async(this.#epoll, this.#events, BATCH, -1);
        this.#waiting = false;
        // A signal may interrupt the wait. Its errno belongs to another thread, so anything worse shows by repeating.
        failures = count < 0 ? failures + 1 : 0;
        if (failures > MAX_FAILURES) throw osError("wait for descriptors", 0);
        this.#dispatch(count);
      }
    } finally {
      this.#waiting = this.#running = false;
    }
  }

  #dispatch(count: number): void {
    for (let index = 0; index < count; index++) {
      const events = this.#view.getUint32(index * EVENT_SIZE, true);
      const token = this.#view.getUint32(index * EVENT_SIZE + EVENT_DATA, true);
      if (token === WAKE_TOKEN) {
        libc().read(this.#wake, new Uint8Array(8), 8n);
        continue;
      }
      try {
        this.#handlers.get(token)?.(events);
      } catch (error) {
        reportError(error); // a fault of one session must not stop the others
      }
    }
  }
}

let reactor: Reactor | undefined;

/**
 * Puts a nonblocking descriptor into the reactor of this thread, wanting nothing yet. `ready` is called with the events
 * that hold. Throws AppError when the system gives no epoll set.
 */
export function watch(fd: number, ready: (events: number) => void): Watch {
  reactor ??= new Reactor();
  return reactor.watch(fd, ready);
}
