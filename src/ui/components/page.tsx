/**
 * The frame of a page: its head, and what it shows while there is nothing to show.
 * @module
 */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { RequestFailure, sentence } from "../failure.ts";
import { hasMoved } from "../router.ts";
import { Icon, type IconName } from "./icon.tsx";

export interface PageProps {
  title: string;
  /** Beside the title, such as how many there are. */
  note?: ComponentChildren;
  /** On the right of the head. */
  actions?: ComponentChildren;
  children: ComponentChildren;
  /** The page scrolls as a whole, instead of a list in it. */
  scrolls?: boolean;
}

/** A page. Its title goes to the window, and the focus to its head, so that screen readers say where one is. */
export function Page({ title, note, actions, children, scrolls = false }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useTitle(title);
  useEffect(() => {
    if (!hasMoved()) return; // a page that was loaded begins at its top, with the way around the navigation
    // Something in the page may have asked for the focus already.
    const { activeElement } = document;
    if (!activeElement || activeElement === document.body || !activeElement.closest("main")) {
      heading.current?.focus({ preventScroll: true });
    }
  }, []);
  return (
    <div class={scrolls ? "page scrolls" : "page"}>
      <div class="page-head">
        <div class="title">
          <h1 ref={heading} tabIndex={-1}>{title}</h1>
          {note === undefined ? null : <p>{note}</p>}
        </div>
        {actions}
      </div>
      {children}
    </div>
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Teleport`;
  }, [title]);
}

/** Says that there is nothing, and what to do about it. */
export function Empty(
  { icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren },
) {
  return (
    <div class="empty">
      <Icon name={icon} size={40} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export interface FailedProps {
  failure: unknown;
  retry?: () => void;
  /** The cluster that was asked, where it is another one. */
  site?: string | undefined;
}

/** A failure in place of what was to be shown. */
export function Failed({ failure, retry, site }: FailedProps) {
  if (failure instanceof RequestFailure && failure.status === 403) {
    return (
      <div class="empty" role="alert">
        <Icon name="lock" size={40} />
        <h2>This is not yours to see</h2>
        <p>
          {site === undefined
            ? "Your roles do not allow it. An administrator of the cluster can change that."
            : `The roles that cluster ${site} gives you do not allow it. An administrator there can change that.`}
        </p>
      </div>
    );
  }
  return (
    <div class="empty" role="alert">
      <Icon name="alert" size={40} />
      <h2>
        {site !== undefined && isUnreachable(failure)
          ? `Cluster ${site} cannot be reached`
          : "This could not be loaded"}
      </h2>
      <p>{sentence(failure)}</p>
      {retry && <button type="button" class="plain" onClick={retry}>Try again</button>}
    </div>
  );
}

/** What was loaded stays in sight while it cannot be loaded again; this says so. */
export function Outdated({ failure }: { failure: unknown }) {
  if (failure === undefined) return null;
  return <Notice tone="fair">This is as it was before: {sentence(failure)}</Notice>;
}

function isUnreachable(failure: unknown): boolean {
  return failure instanceof RequestFailure && (failure.status === 503 || failure.status === 504);
}

export type Tone = "info" | "good" | "fair" | "bad";
const TONE_ICONS = { info: "info", good: "check", fair: "alert", bad: "alert" } as const;

/** A word to the user within a page. */
export function Notice({ tone = "info", children }: { tone?: Tone; children: ComponentChildren }) {
  return (
    <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <Icon name={TONE_ICONS[tone]} />
      <div class="grow">{children}</div>
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div class="empty" role="status">
      <div class="spinner" />
      <p>{what}</p>
    </div>
  );
}
