/**
 * A text with a button that copies it.
 * @module
 */
import { useState } from "preact/hooks";
import { complain } from "./toasts.tsx";

const SAID_MS = 2000;

/** @throws {Error} where the browser does not let a page do it */
export async function copyText(text: string): Promise<void> {
  if (!navigator.clipboard) {
    throw new Error("this browser lets no page without a trusted certificate use the clipboard");
  }
  await navigator.clipboard.writeText(text);
}

export function CopyText({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await copyText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), SAID_MS);
    } catch (error) {
      complain(error);
    }
  };
  return (
    <div class="copy">
      {/* Lines break between words, and not within an option. */}
      <code>
        {text.split(" ").map((word, index) => [index === 0 ? "" : " ", <span key={index}>{word}</span>])}
      </code>
      <button type="button" class="quiet small" aria-label={label} onClick={copy}>
        {copied ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
