/**
 * Lets the terminal emulator live with our content security policy. It makes `<style>` elements and `style` attributes,
 * which the policy forbids; here they become style sheets and properties set by script, which it allows.
 * @module
 */

/** Runs what makes `<style>` elements in the page's document; the emulator does so only while it is opened. */
export function withStrictStyles(work: () => void): void {
  const make = Document.prototype.createElement;
  document.createElement = (name: string, options?: ElementCreationOptions) =>
    name === "style" ? styleElement(make.call(document, "template")) : make.call(document, name, options);
  try {
    work();
  } finally {
    Reflect.deleteProperty(document, "createElement");
  }
}

/** What is written into the element goes into a sheet of the document, until the element is removed. */
function styleElement(element: HTMLElement): HTMLElement {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  let text = "";
  Object.defineProperty(element, "textContent", {
    get: () => text,
    set(value: string) {
      text = value;
      sheet.replaceSync(value);
    },
  });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
    HTMLElement.prototype.remove.call(element);
  };
  return element;
}

/** The emulator colours the cells of a line, which are spans, by their attribute. */
HTMLSpanElement.prototype.setAttribute = function (name: string, value: string) {
  if (name === "style") this.style.cssText = value;
  else HTMLElement.prototype.setAttribute.call(this, name, value);
};
