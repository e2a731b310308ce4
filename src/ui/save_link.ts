/**
 * Downloads.
 * @module
 */

/** Has the browser take what is at an address as a file. */
export function saveLink(address: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = "";
  document.body.append(link);
  link.click();
  link.remove();
}
