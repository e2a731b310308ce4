/**
 * Names of files in answers (RFC 6266).
 * @module
 */

/** The value of a Content-Disposition header that has a browser save the answer under this name. */
export function attachment(name: string): string {
  const plain = name.replace(/[^\w.+@ -]/g, "_").slice(0, 200) || "file";
  // RFC 8187: everything but its attr-char is escaped.
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
