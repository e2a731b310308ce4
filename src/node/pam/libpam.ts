/**
 * Pluggable Authentication Modules, by the C library of Linux-PAM: pam(3). One transaction is one user's account check
 * and session. The calls block, and modules change the process that makes them (limits, keyrings, login ids): only a
 * process made for one session may use this.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { block, cString, textAt } from "../os/c_memory.ts";
import { lazyLibrary } from "../os/lazy_library.ts";

const SYMBOLS = {
  pam_start: { parameters: ["buffer", "buffer", "buffer", "buffer"], result: "i32" },
  pam_set_item: { parameters: ["pointer", "i32", "buffer"], result: "i32" },
  pam_acct_mgmt: { parameters: ["pointer", "i32"], result: "i32" },
  pam_setcred: { parameters: ["pointer", "i32"], result: "i32" },
  pam_open_session: { parameters: ["pointer", "i32"], result: "i32" },
  pam_close_session: { parameters: ["pointer", "i32"], result: "i32" },
  pam_getenvlist: { parameters: ["pointer"], result: "pointer" },
  pam_strerror: { parameters: ["pointer", "i32"], result: "pointer" },
  pam_end: { parameters: ["pointer", "i32"], result: "i32" },
} as const;

const MEMORY = {
  calloc: { parameters: ["usize", "usize"], result: "pointer" },
  free: { parameters: ["pointer"], result: "void" },
} as const;

const LIBRARY = "libpam.so.0";
const ADVICE = "install Linux-PAM (libpam0g), or turn ssh_service.pam off";

// security/_pam_types.h
const ITEM = { tty: 3, rhost: 4 };
const SUCCESS = 0, CONVERSATION_ERROR = 19, NEW_AUTHTOK_REQUIRED = 12;
const ESTABLISH_CREDENTIALS = 0x2, DELETE_CREDENTIALS = 0x4, SILENT = 0x8000;
const ERROR_MESSAGE = 3, TEXT_INFO = 4;
/** `struct pam_response`: a pointer and an int, padded. */
const RESPONSE_SIZE = 16;

const CONVERSATION = { parameters: ["i32", "pointer", "pointer", "pointer"], result: "i32" } as const;

function libraries() {
  return {
    pam: lazyLibrary(LIBRARY, SYMBOLS, { atOnce: ["pam_start"], advice: ADVICE }),
    memory: lazyLibrary("libc.so.6", MEMORY, { atOnce: [], advice: "this needs glibc" }),
  };
}

/** @throws {AppError} unsupported where there is no PAM on this machine */
export function requirePam(): void {
  libraries();
}

export interface PamOptions {
  service: string;
  user: string;
  tty: string;
  rhost: string;
  silent: boolean;
  /** Modules tell people something: a greeting, a reason. */
  onMessage(text: string, isError: boolean): void;
}

export class PamTransaction {
  readonly #libraries = libraries();
  readonly #conversation: Deno.UnsafeCallback<typeof CONVERSATION>;
  readonly #flags: number;
  /** The library keeps addresses of these. */
  readonly #kept: Uint8Array[] = [];
  readonly #handle: Deno.PointerObject;

  /** @throws {AppError} access_denied with PAM's reason; unsupported */
  constructor({ service, user, tty, rhost, silent, onMessage }: PamOptions) {
    this.#flags = silent ? SILENT : 0;
    this.#conversation = new Deno.UnsafeCallback(
      CONVERSATION,
      (count, messages, responses) => this.#converse(count, messages, responses, onMessage),
    );
    const conversation = block(16);
    const address = BigInt(Deno.UnsafePointer.value(this.#conversation.pointer));
    new DataView(conversation.buffer).setBigUint64(0, address, true);
    const names = [cString(service), cString(user)] as const;
    this.#kept.push(conversation, ...names);
    const handle = block(8);
    const result = this.#libraries.pam.pam_start(...names, conversation, handle);
    const pointer = Deno.UnsafePointer.create(new DataView(handle.buffer).getBigUint64(0, true));
    if (result !== SUCCESS || pointer === null) {
      throw new AppError("access_denied", `PAM cannot start its service "${service}" (error ${result})`);
    }
    this.#handle = pointer;
    this.#set(ITEM.tty, tty);
    this.#set(ITEM.rhost, rhost);
  }

  #set(item: number, text: string): void {
    this.#check("item", this.#libraries.pam.pam_set_item(this.#handle, item, cString(text)));
  }

  /** Whether the user may come now: locked and expired accounts, hours, places. @throws {AppError} access_denied */
  checkAccount(): void {
    const result = this.#libraries.pam.pam_acct_mgmt(this.#handle, this.#flags);
    if (result === NEW_AUTHTOK_REQUIRED) {
      throw new AppError(
        "access_denied",
        "the password of this account on this host has expired: change it there",
      );
    }
    this.#check("account", result);
  }

  /** @throws {AppError} access_denied */
  open(): void {
    const { pam } = this.#libraries;
    this.#check("credentials", pam.pam_setcred(this.#handle, ESTABLISH_CREDENTIALS | this.#flags));
    this.#check("session", pam.pam_open_session(this.#handle, this.#flags));
  }

  /** What modules want to see in the environment of the session. */
  environment(): Record<string, string> {
    const { pam, memory } = this.#libraries;
    const list = pam.pam_getenvlist(this.#handle);
    if (list === null) return {};
    const variables: Record<string, string> = {};
    const view = new Deno.UnsafePointerView(list);
    for (let offset = 0;; offset += 8) {
      const text = Deno.UnsafePointer.create(view.getBigUint64(offset));
      if (text === null) break;
      const [name = "", ...value] = textAt(text).split("=");
      if (name !== "") variables[name] = value.join("=");
      memory.free(text);
    }
    memory.free(list);
    return variables;
  }

  /** Ends the session and the transaction. What modules say to that changes nothing any more. */
  close(opened: boolean): void {
    const { pam } = this.#libraries;
    if (opened) {
      pam.pam_close_session(this.#handle, this.#flags);
      pam.pam_setcred(this.#handle, DELETE_CREDENTIALS | this.#flags);
    }
    pam.pam_end(this.#handle, SUCCESS);
    this.#conversation.close();
    this.#kept.length = 0;
  }

  #check(step: string, result: number): void {
    if (result === SUCCESS) return;
    const reason = textAt(this.#libraries.pam.pam_strerror(this.#handle, result));
    throw new AppError("access_denied", `PAM refuses the ${step}: ${reason}`);
  }

  /** pam_conv(3). Nobody is there to be asked: who logs in has shown a certificate. */
  #converse(
    count: number,
    messages: Deno.PointerValue,
    responses: Deno.PointerValue,
    onMessage: PamOptions["onMessage"],
  ): number {
    if (messages === null || responses === null || count < 1) return CONVERSATION_ERROR;
    const table = new Deno.UnsafePointerView(messages);
    for (let index = 0; index < count; index++) {
      const message = Deno.UnsafePointer.create(table.getBigUint64(index * 8));
      if (message === null) return CONVERSATION_ERROR;
      const fields = new Deno.UnsafePointerView(message);
      const style = fields.getInt32(0);
      if (style !== ERROR_MESSAGE && style !== TEXT_INFO) return CONVERSATION_ERROR;
      onMessage(textAt(Deno.UnsafePointer.create(fields.getBigUint64(8))), style === ERROR_MESSAGE);
    }
    const answers = this.#libraries.memory.calloc(BigInt(count), BigInt(RESPONSE_SIZE)); // the module frees it
    if (answers === null) return CONVERSATION_ERROR;
    new DataView(Deno.UnsafePointerView.getArrayBuffer(responses, 8))
      .setBigUint64(0, BigInt(Deno.UnsafePointer.value(answers)), true);
    return SUCCESS;
  }
}
