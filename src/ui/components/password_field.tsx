/**
 * A field for a password, which can be made readable.
 * @module
 */
import { useState } from "preact/hooks";
import { Icon } from "./icon.tsx";

export interface PasswordFieldProps {
  label: string;
  name: string;
  autocomplete: "current-password" | "new-password";
  hint?: string;
}

export function PasswordField({ label, name, autocomplete, hint }: PasswordFieldProps) {
  const [shown, setShown] = useState(false);
  const common = {
    id: name,
    name,
    autocomplete,
    required: true,
    autocapitalize: "off",
    spellcheck: false,
  } as const;
  const title = `Show what is typed: ${label.toLowerCase()}`;
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <div class="with-button">
        {/* Two elements to the type checker, one to the page: what was typed stays. */}
        {shown
          ? <input key="field" type="text" {...common} />
          : <input key="field" type="password" {...common} />}
        <button
          type="button"
          class="quiet square"
          aria-pressed={shown}
          aria-label={title}
          title={title}
          onClick={() => setShown(!shown)}
        >
          <Icon name="eye" />
        </button>
      </div>
      {hint !== undefined && <p class="hint">{hint}</p>}
    </div>
  );
}
