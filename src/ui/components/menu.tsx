/**
 * A button with a menu under it. The browser puts it over everything and closes it on Escape or a click elsewhere.
 * @module
 */
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icon.tsx";

export interface MenuItem {
  text: string;
  icon?: IconName;
  danger?: boolean;
  run: () => void;
}

export interface MenuProps {
  /** For screen readers, and the tip. */
  label: string;
  /** On the button. */
  children: ComponentChildren;
  items: readonly MenuItem[];
  caption?: string;
  class?: string;
}

const GAP = 4;

export function Menu({ label, children, items, caption, class: className = "plain small" }: MenuProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);

  const toggled = ({ newState }: { newState: string }) => {
    const shown = newState === "open";
    setOpen(shown);
  };
  // Its items are drawn when it opens; only then its size is known.
  useLayoutEffect(() => {
    if (!open || !list.current || !button.current) return;
    beside(list.current, button.current.getBoundingClientRect());
    list.current.querySelector("button")?.focus();
  }, [open]);
  const move = (event: KeyboardEvent) => {
    const all = [...list.current?.querySelectorAll("button") ?? []];
    const at = all.findIndex((one) => one === document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    all.at(next % all.length)?.focus();
  };
  const choose = (item: MenuItem) => {
    list.current?.hidePopover();
    item.run();
  };

  return (
    <>
      <button
        type="button"
        ref={button}
        class={className}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => list.current?.togglePopover()}
      >
        {children}
      </button>
      <div
        id={id}
        ref={list}
        class="menu"
        popover="auto"
        role="menu"
        aria-label={label}
        onToggle={toggled}
        onKeyDown={move}
      >
        {open && caption !== undefined && <div class="caption">{caption}</div>}
        {open && items.map((item) => (
          <button
            key={item.text}
            type="button"
            role="menuitem"
            class={item.danger ? "danger" : ""}
            onClick={() => choose(item)}
          >
            {item.icon && <Icon name={item.icon} size={16} />}
            {item.text}
          </button>
        ))}
      </div>
    </>
  );
}

/** Under the button, or over it where there is no room; flush with its right edge, within the window. */
function beside(list: HTMLElement, button: DOMRect): void {
  const left = Math.min(button.right - list.offsetWidth, innerWidth - list.offsetWidth - GAP);
  const below = button.bottom + GAP;
  const fits = below + list.offsetHeight <= innerHeight;
  list.style.left = `${Math.max(GAP, left)}px`;
  list.style.top = `${fits ? below : Math.max(GAP, button.top - GAP - list.offsetHeight)}px`;
}
