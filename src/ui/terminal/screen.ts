/**
 * A terminal emulator in the page.
 * @module
 */
import { FitAddon } from "@xterm/addon-fit";
import { SerializeAddon } from "@xterm/addon-serialize";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { Terminal } from "@xterm/xterm";
import type { TerminalSize } from "../../model/web.ts";
import { withStrictStyles } from "./strict_styles.ts";

const THEME = {
  background: "#10131d",
  foreground: "#dfe3f0",
  cursor: "#93a2ff",
  cursorAccent: "#10131d",
  selectionBackground: "#3b4fd899",
  black: "#1c2130",
  red: "#ff7b72",
  green: "#5fd3a0",
  yellow: "#f0b35c",
  blue: "#7aa2ff",
  magenta: "#d2a0ff",
  cyan: "#5cc8e0",
  white: "#c8cee0",
  brightBlack: "#6d7796",
  brightRed: "#ff9c94",
  brightGreen: "#8be8bf",
  brightYellow: "#ffd08a",
  brightBlue: "#a3bdff",
  brightMagenta: "#e3c2ff",
  brightCyan: "#8fe1f2",
  brightWhite: "#ffffff",
};

export interface ScreenOptions {
  /** Shows only; nothing is typed. */
  readOnly?: boolean;
  /** Its name for screen readers. */
  label: string;
  /** Lines that are kept above the screen. */
  scrollback?: number;
  fontSize?: number;
}

/** A screen of cells: bytes in, keys out. */
export class Screen {
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #serialize = new SerializeAddon();
  readonly #encoder = new TextEncoder();

  constructor(
    parent: HTMLElement,
    { readOnly = false, label, scrollback = 5000, fontSize = 14 }: ScreenOptions,
  ) {
    const terminal = this.#terminal = new Terminal({
      allowProposedApi: true,
      cursorBlink: !readOnly && !matchMedia("(prefers-reduced-motion: reduce)").matches,
      cursorInactiveStyle: readOnly ? "block" : "outline",
      disableStdin: readOnly,
      fontFamily: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
      fontSize,
      lineHeight: 1.1,
      macOptionIsMeta: true,
      scrollback,
      theme: THEME,
    });
    terminal.loadAddon(this.#fit);
    terminal.loadAddon(this.#serialize);
    terminal.loadAddon(new Unicode11Addon());
    terminal.unicode.activeVersion = "11";
    terminal.loadAddon(new WebLinksAddon((_event, address) => openLink(address)));
    withStrictStyles(() => terminal.open(parent));
    terminal.textarea?.setAttribute("aria-label", label);
    parent.addEventListener("paste", (event) => this.#pasted(event), { capture: true });
    terminal.attachCustomKeyEventHandler((event) => this.#isForTerminal(event));
  }

  /** Told what is typed or pasted. */
  onTyped(listener: (bytes: Uint8Array<ArrayBuffer>) => void): void {
    this.#terminal.onData((text) => listener(this.#encoder.encode(text)));
    // Old mouse reports are bytes that are no text.
    this.#terminal.onBinary((text) => listener(Uint8Array.from(text, (char) => char.charCodeAt(0) & 0xff)));
  }

  /** Told when the program names its window. */
  onTitle(listener: (title: string) => void): void {
    this.#terminal.onTitleChange(listener);
  }

  /** Told whether there is a selection to copy. */
  onSelection(listener: (some: boolean) => void): void {
    this.#terminal.onSelectionChange(() => listener(this.#terminal.hasSelection()));
  }

  /** @param drawn called when the bytes are on the screen */
  write(bytes: Uint8Array | string, drawn?: () => void): void {
    this.#terminal.write(bytes, drawn);
  }

  reset(): void {
    this.#terminal.reset();
  }

  get size(): TerminalSize {
    return { w: this.#terminal.cols, h: this.#terminal.rows };
  }

  resize({ w, h }: TerminalSize): void {
    if (w !== this.#terminal.cols || h !== this.#terminal.rows) this.#terminal.resize(w, h);
  }

  /** How many cells there is room for; undefined while it is not shown. */
  room(): TerminalSize | undefined {
    if ((this.#terminal.element?.offsetWidth ?? 0) === 0) return undefined;
    const room = this.#fit.proposeDimensions();
    if (!room || !Number.isFinite(room.cols) || !Number.isFinite(room.rows)) return undefined;
    return { w: Math.max(2, room.cols), h: Math.max(1, room.rows) };
  }

  set fontSize(pixels: number) {
    this.#terminal.options.fontSize = pixels;
  }

  get fontSize(): number {
    return this.#terminal.options.fontSize ?? 14;
  }

  focus(): void {
    this.#terminal.focus();
  }

  get selection(): string {
    return this.#terminal.getSelection();
  }

  /** As if it was typed, wrapped the way that programs ask for. */
  paste(text: string): void {
    this.#terminal.paste(withoutControls(text));
  }

  /** All that is on the screen, as output that draws it again. */
  snapshot(): string {
    const { cursorX, cursorY } = this.#terminal.buffer.active;
    // The serializer is off by one where the last line is full.
    const cursor = cursorX < this.#terminal.cols ? `\x1b[${cursorY + 1};${cursorX + 1}H` : "";
    return this.#serialize.serialize({ scrollback: 0 }) + cursor;
  }

  dispose(): void {
    this.#terminal.dispose();
  }

  /** Before the emulator gets it, which would hand over whatever it is. */
  #pasted(event: ClipboardEvent): void {
    event.preventDefault();
    event.stopPropagation();
    if (this.#terminal.options.disableStdin !== true) {
      this.paste(event.clipboardData?.getData("text/plain") ?? "");
    }
  }

  /** Copying and leaving are the page's; all else is typed. */
  #isForTerminal(event: KeyboardEvent): boolean {
    if (event.ctrlKey && event.key === "F6") {
      if (event.type === "keydown") {
        document.querySelector<HTMLElement>(".tabs [aria-selected=true], .controls button")?.focus();
      }
      return false;
    }
    const copies = event.ctrlKey && event.shiftKey && event.code === "KeyC";
    if (!copies) return !(event.ctrlKey && event.shiftKey && event.code === "KeyV");
    if (event.type === "keydown" && this.selection !== "") {
      event.preventDefault(); // the browser would open its own tools
      void navigator.clipboard?.writeText(this.selection);
    }
    return false;
  }
}

/**
 * What a person can have meant to paste. Control characters do things when they are typed, and an escape sequence can
 * end the brackets by which programs tell pasted text from typed.
 */
function withoutControls(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, "");
}

function openLink(address: string): void {
  if (/^https?:\/\//i.test(address)) open(address, "_blank", "noopener,noreferrer");
}
