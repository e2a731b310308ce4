/**
 * The field that narrows a list down. The key `/` leads to it.
 * @module
 */
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icon.tsx";

export interface SearchFieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
}

export function SearchField({ label, value, onInput }: SearchFieldProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
        return;
      }
      event.preventDefault();
      field.current?.focus();
      field.current?.select();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
  return (
    <div class="search">
      <Icon name="search" size={17} />
      <input
        ref={field}
        type="text"
        aria-label={label}
        placeholder={label}
        value={value}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          if (value === "") event.currentTarget.blur();
          else onInput("");
        }}
      />
      {value === "" && <kbd aria-hidden="true">/</kbd>}
    </div>
  );
}

/** Whether a key press belongs to a field, a terminal or a dialog. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, dialog, .screen") !== null;
}
