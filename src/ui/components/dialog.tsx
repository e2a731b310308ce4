/**
 * Dialogs over the page. The browser keeps the focus inside, closes them on Escape and gives the focus back.
 * @module
 */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../failure.ts";
import { Icon } from "./icon.tsx";
import { Notice } from "./page.tsx";

export interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  large?: boolean;
  /** The content has buttons of its own. */
  bare?: boolean;
  /** The button that does it; without it the dialog only shows something. */
  action?: {
    text: string;
    danger?: boolean;
    disabled?: boolean;
    /** What went wrong is shown in the dialog, which stays. */
    run: () => Promise<void> | void;
  };
}

export function Dialog({ title, onClose, children, large = false, bare = false, action }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const opener = document.activeElement;
    const { current } = dialog;
    current?.showModal();
    // What cannot be undone is not done by a key that was meant for something else.
    const button = action?.danger ? ".foot button:first-child" : ".foot button:last-child";
    const first = current?.querySelector<HTMLElement>("input:not([hidden]), textarea, select") ??
      current?.querySelector<HTMLElement>(button);
    first?.focus();
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);

  const run = async () => {
    if (!action || busy || action.disabled) return;
    setBusy(true);
    setFailure(undefined);
    try {
      await action.run();
    } catch (error) {
      setFailure(error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <dialog
      class={large ? "dialog large" : "dialog"}
      ref={dialog}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        if (!busy) onClose();
      }}
      onMouseDown={(event) => event.target === dialog.current && !action && onClose()}
    >
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <div class="head">
          <h2>{title}</h2>
          <button type="button" class="quiet square" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </div>
        {children}
        {failure === undefined ? null : <Notice tone="bad">{sentence(failure)}</Notice>}
        {!bare && (
          <div class="foot">
            <button type="button" class="plain" onClick={onClose}>{action ? "Cancel" : "Close"}</button>
            {action && (
              <button
                type="submit"
                class={action.danger ? "danger" : ""}
                aria-disabled={busy || action.disabled}
              >
                {busy ? "Working…" : action.text}
              </button>
            )}
          </div>
        )}
      </form>
    </dialog>
  );
}
