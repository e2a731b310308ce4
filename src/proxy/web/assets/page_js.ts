/**
 * Script of every page: the buttons that copy.
 * @module
 */

/** JavaScript source. */
export const pageJs = `"use strict";
(() => {
  const copy = async (text) => {
    if (navigator.clipboard) return await navigator.clipboard.writeText(text);
    // Browsers give a page without TLS no clipboard; a selected field still copies.
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "visually-hidden";
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    if (!copied) throw new Error("not copied");
  };

  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    const label = button.textContent;
    button.addEventListener("click", async () => {
      try {
        await copy(button.dataset.copy);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not copied";
      }
      button.focus();
      setTimeout(() => button.textContent = label, 2000);
    });
  }
})();
`;
