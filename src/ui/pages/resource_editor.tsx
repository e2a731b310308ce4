/**
 * The editor of a resource: its YAML, and what the server finds wrong with it, where it is.
 * @module
 */
import { parse, stringify } from "@std/yaml";
import { useRef, useState } from "preact/hooks";
import type { ResourceDocument } from "../../model/resource/envelope.ts";
import { isObject } from "../../model/resource/tidy.ts";
import { call } from "../api.ts";
import { ask } from "../components/confirm.tsx";
import { Dialog } from "../components/dialog.tsx";
import { tell } from "../components/toasts.tsx";
import { lineOf } from "./resource_text.ts";

export interface ResourceEditorProps {
  /** What is changed; else it begins with `template`. */
  document?: ResourceDocument;
  template?: string;
  onClose: () => void;
  onSaved: () => void;
}

export function ResourceEditor({ document, template = "", onClose, onSaved }: ResourceEditorProps) {
  const [text, setText] = useState(() => document ? stringify(document, { lineWidth: -1 }) : template);
  const [wrong, setWrong] = useState<number>();
  const field = useRef<HTMLTextAreaElement>(null);

  const original = useRef(text);
  const close = () => {
    if (text === original.current) return onClose();
    ask({
      title: "Leave without saving?",
      text: "What you have changed here is lost.",
      action: "Leave",
      danger: true,
      run: onClose,
    });
  };

  const save = async () => {
    setWrong(undefined);
    try {
      const { change, advice } = await call("resources.put", {
        document: parsed(text),
        mode: document ? "replace" : "create",
      });
      tell(advice ?? `The resource was ${change}.`);
      onSaved();
    } catch (error) {
      const line = lineOf(error instanceof Error ? error.message : "", text);
      setWrong(line);
      if (line !== undefined && field.current) select(field.current, line);
      throw error;
    }
  };

  return (
    <Dialog
      title={document ? `${document.kind.replace("_", " ")}: ${document.metadata.name}` : "New resource"}
      onClose={close}
      large
      action={{ text: "Save", run: save }}
    >
      <div class="field">
        <label for="resource-text">YAML</label>
        <textarea
          ref={field}
          id="resource-text"
          class="code"
          rows={22}
          value={text}
          spellcheck={false}
          autocapitalize="off"
          autocomplete="off"
          aria-invalid={wrong === undefined ? undefined : true}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={indent}
        />
        <p class="hint">
          {wrong === undefined
            ? "Tab indents, Shift+Tab leaves the field. The same text works with tctl create -f."
            : `Look at line ${wrong}.`}
        </p>
      </div>
    </Dialog>
  );
}

/** @throws {Error} with the line that is wrong */
function parsed(text: string): Record<string, unknown> {
  const value = parse(text);
  if (!isObject(value)) throw new Error("expected a resource: keys with values, beginning with kind");
  return value;
}

function select(field: HTMLTextAreaElement, line: number): void {
  const lines = field.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  field.focus();
  field.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
}

/** Two blanks for the Tab key; Shift+Tab still leaves the field. */
function indent(event: KeyboardEvent): void {
  const field = event.currentTarget;
  if (event.key !== "Tab" || event.shiftKey || !(field instanceof HTMLTextAreaElement)) return;
  event.preventDefault();
  field.setRangeText("  ", field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
