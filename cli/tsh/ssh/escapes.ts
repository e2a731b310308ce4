/**
 * Escapes on a terminal as in ssh(1): after a line's end, `~.` disconnects, `~B` sends a break, `~?` lists them.
 * @module
 */

export interface EscapeActions {
  disconnect(): void;
  sendBreak(): void;
  help(text: string): void;
}

const LF = 10, CR = 13, DOT = 46, QUESTION = 63, B = 66;

/** Finds escapes in what is typed. */
export class Escapes {
  readonly #escape: number;
  readonly #actions: EscapeActions;
  #lineStart = true;
  #pending = false;

  /** @param escape the escape character, one byte, or `^x` */
  constructor(escape: string, actions: EscapeActions) {
    const control = /^\^(.)$/.exec(escape)?.[1];
    this.#escape = control ? control.toUpperCase().charCodeAt(0) & 31 : escape.charCodeAt(0);
    this.#actions = actions;
  }

  /** @returns what is to be sent of it */
  filter(typed: Uint8Array): Uint8Array {
    if (!this.#pending && !this.#lineStart && !typed.includes(LF) && !typed.includes(CR)) return typed;
    const out: number[] = [];
    for (const byte of typed) {
      if (this.#pending) {
        this.#pending = false;
        if (this.#act(byte)) continue;
        if (byte !== this.#escape) out.push(this.#escape);
      } else if (this.#lineStart && byte === this.#escape) {
        this.#pending = true;
        continue;
      }
      out.push(byte);
      this.#lineStart = byte === LF || byte === CR;
    }
    return Uint8Array.from(out);
  }

  #act(byte: number): boolean {
    const name = String.fromCharCode(this.#escape);
    if (byte === DOT) this.#actions.disconnect();
    else if (byte === B) this.#actions.sendBreak();
    else if (byte === QUESTION) {
      const lines = ["Supported escape sequences:", ` ${name}.   - terminate connection`];
      lines.push(` ${name}B   - send a BREAK`, ` ${name}?   - this message`);
      lines.push(` ${name}${name}   - send the escape character by typing it twice`);
      this.#actions.help(lines.join("\r\n"));
    } else return false;
    this.#lineStart = true;
    return true;
  }
}
