/**
 * Terminal commands as a page shows them.
 * @module
 */
import { html } from "hono/html";
import type { Markup } from "./layout.ts";

/** One command with a button that copies it. The button appears only where scripts run. */
export function commandBlock(command: string): Markup {
  return block(
    command,
    html`
      <button type="button" class="quiet" data-copy="${command}" aria-label="Copy: ${command}"
        hidden>Copy</button>
    `,
  );
}

/** A command with `<words>` to fill in. It has no button: pasted as it is, a shell would read them as redirections. */
export function commandPattern(pattern: string): Markup {
  return block(pattern, "");
}

function block(command: string, button: Markup | ""): Markup {
  // Each word by itself: a narrow page breaks the line between words and not inside an option's dashes.
  const words = command.split(" ").map((word, i) => html`${i === 0 ? "" : " "}<span>${word}</span>`);
  return html`<div class="command">
<code>${words}</code>
${button}
</div>`;
}

/** The login command of the terminal client. */
export function loginCommand(publicHost: string, user?: string): string {
  const account = user === undefined ? "" : ` --user=${shellWord(user)}`;
  return `tsh login --proxy=${shellWord(publicHost)}${account}`;
}

/** A value as one word of a POSIX shell, quoted only when it must be. */
export function shellWord(value: string): string {
  return /^[A-Za-z0-9._@:\/+-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
