/**
 * Light, dark, or as the system has it.
 * @module
 */
import { Cell, useCell } from "../cell.ts";
import { Icon } from "./icon.tsx";

const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

const KEY = "theme";
const ICONS = { auto: "screen", light: "sun", dark: "moon" } as const;
const NAMES = { auto: "System", light: "Light", dark: "Dark" } as const;

const theme = new Cell<Theme>("auto");

/** Puts the user's choice into effect; before anything is drawn. */
export function applyTheme(): void {
  const kept = localStorage.getItem(KEY);
  set(THEMES.find((one) => one === kept) ?? "auto");
}

function set(choice: Theme): void {
  theme.set(choice);
  if (choice === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = choice;
}

function choose(choice: Theme): void {
  set(choice);
  if (choice === "auto") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, choice);
}

/** A button that goes on to the next theme. */
export function ThemeSwitch() {
  const now = useCell(theme);
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length] ?? "auto";
  const label = `Colours: ${NAMES[now].toLowerCase()}. Change to: ${NAMES[next].toLowerCase()}`;
  return (
    <button
      type="button"
      class="quiet square"
      aria-label={label}
      title={label}
      onClick={() => choose(next)}
    >
      <Icon name={ICONS[now]} />
    </button>
  );
}

/** All three beside each other. */
export function ThemeChoice() {
  const now = useCell(theme);
  return (
    <div class="segments" role="radiogroup" aria-label="Colours">
      {THEMES.map((one) => (
        <button
          key={one}
          type="button"
          role="radio"
          aria-checked={one === now}
          onClick={() => choose(one)}
        >
          {NAMES[one]}
        </button>
      ))}
    </div>
  );
}
