/**
 * Links between places of the interface.
 * @module
 */
import type { ComponentChildren } from "preact";
import { go, href, place } from "../router.ts";
import { useCell } from "../cell.ts";

export interface LinkProps {
  to: string;
  query?: Record<string, string>;
  children: ComponentChildren;
  class?: string;
  title?: string;
  /** Marks the link when the user is there or below. */
  nav?: boolean;
}

/** An ordinary link to the browser, and no page load for a plain click. */
export function Link({ to, query = {}, children, nav = false, ...rest }: LinkProps) {
  const { path } = useCell(place);
  const here = nav && (path === to || path.startsWith(`${to}/`));
  const follow = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to, { query });
  };
  return (
    <a {...rest} href={href(to, query)} onClick={follow} aria-current={here ? "page" : undefined}>
      {children}
    </a>
  );
}
