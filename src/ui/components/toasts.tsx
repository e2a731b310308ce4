/**
 * Short messages about what has just been done.
 * @module
 */
import { Cell, useCell } from "../cell.ts";
import { sentence } from "../failure.ts";
import { Icon } from "./icon.tsx";

interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

const toasts = new Cell<readonly Toast[]>([]);
const SHOWN_MS = 6000;
const MOST = 4;
let last = 0;

/** Tells the user that something was done. */
export function tell(text: string): void {
  add(text, false);
}

/** Tells the user that something failed. It stays until it is closed. */
export function complain(failure: unknown): void {
  add(sentence(failure), true);
}

function add(text: string, bad: boolean): void {
  const id = ++last;
  toasts.set([...toasts.value, { id, text, bad }].slice(-MOST));
  if (!bad) setTimeout(() => remove(id), SHOWN_MS);
}

function remove(id: number): void {
  toasts.set(toasts.value.filter((toast) => toast.id !== id));
}

/** The place where messages appear; once in the interface. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {useCell(toasts).map(({ id, text, bad }) => (
        <div key={id} class={bad ? "toast bad" : "toast"}>
          <span class="grow">{text}</span>
          <button
            type="button"
            class="quiet square small"
            aria-label="Close message"
            onClick={() => remove(id)}
          >
            <Icon name="close" size={15} />
          </button>
        </div>
      ))}
    </div>
  );
}
