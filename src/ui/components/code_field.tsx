/**
 * A field for the code of an authenticator app.
 * @module
 */

export function CodeField({ label, name = "code" }: { label: string; name?: string }) {
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        class="one-time"
        type="text"
        inputMode="numeric"
        autocomplete="one-time-code"
        spellcheck={false}
        maxLength={9}
        placeholder="000000"
      />
    </div>
  );
}
