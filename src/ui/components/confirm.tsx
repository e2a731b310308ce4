/**
 * Questions before what cannot be undone.
 * @module
 */
import type { ComponentChildren } from "preact";
import { Cell, useCell } from "../cell.ts";
import { Dialog } from "./dialog.tsx";

export interface Question {
  title: string;
  text: ComponentChildren;
  /** The button that does it. */
  action: string;
  danger?: boolean;
  run: () => Promise<void> | void;
}

const open = new Cell<Question | undefined>(undefined);

/** Asks; `run` follows if the user says so. */
export function ask(question: Question): void {
  open.set(question);
}

/** The place where questions appear; once in the interface. */
export function Questions() {
  const question = useCell(open);
  if (!question) return null;
  const { title, text, action, danger, run } = question;
  return (
    <Dialog
      title={title}
      onClose={() => open.set(undefined)}
      action={{
        text: action,
        ...(danger ? { danger } : {}),
        run: async () => {
          await run();
          open.set(undefined);
        },
      }}
    >
      <p>{text}</p>
    </Dialog>
  );
}
