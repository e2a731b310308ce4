/**
 * The document as the terminal emulator is given it. The emulator makes `<style>` elements and `style` attributes, which
 * our content security policy forbids; here they become style sheets and properties set by script, which it allows.
 * @module
 */

/** A document that differs from the page's own only in what elements it makes. */
export function strictDocument(): Document {
  return new Proxy(document, {
    get(target, key) {
      if (key === "createElement") return createElement;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  });
}

function createElement(name: string, options?: ElementCreationOptions): HTMLElement {
  const element = document.createElement(name, options);
  if (name === "style") adoptText(element);
  else if (name === "span") setStylesByScript(element);
  return element;
}

/** What is written into the element goes into a sheet of the document, until the element is removed. */
function adoptText(element: HTMLElement): void {
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
}

function setStylesByScript(element: HTMLElement): void {
  element.setAttribute = (name: string, value: string) => {
    if (name === "style") element.style.cssText = value;
    else HTMLElement.prototype.setAttribute.call(element, name, value);
  };
}
