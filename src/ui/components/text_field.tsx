/**
 * A line of text with its label.
 * @module
 */
import { useId } from "preact/hooks";

export interface TextFieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: string;
  placeholder?: string;
}

export function TextField({ label, value, onInput, hint, placeholder }: TextFieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        value={value}
        placeholder={placeholder}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {hint !== undefined && <p class="hint">{hint}</p>}
    </div>
  );
}

/** The words of a list that was typed with commas or blanks. */
export function words(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}
