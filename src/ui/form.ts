/**
 * Forms: what was entered, and what became of it.
 * @module
 */
import { useState } from "preact/hooks";

/** The state of a form that is sent without leaving the page. */
export interface FormState {
  busy: boolean;
  failure: unknown;
  /** For the form's `onSubmit`. */
  submit: (event: SubmitEvent) => void;
}

/** Sends a form; only once at a time. `send` is given what was entered. */
export function useForm(
  send: (word: (name: string) => string, form: HTMLFormElement) => Promise<void>,
): FormState {
  const [state, setState] = useState<{ busy: boolean; failure?: unknown }>({ busy: false });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (!(form instanceof HTMLFormElement) || state.busy) return;
    const entered = new FormData(form);
    setState({ busy: true });
    send((name) => String(entered.get(name) ?? ""), form).then(
      () => setState({ busy: false }),
      (failure: unknown) => setState({ busy: false, failure }),
    );
  };
  return { busy: state.busy, failure: state.failure, submit };
}

/** A code without the blanks that apps show in it. */
export function codeOf(text: string): string {
  return text.replace(/\s/g, "");
}
