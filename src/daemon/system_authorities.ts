/**
 * Whom this system trusts to vouch for HTTPS servers: roles may not ask the runtime for it, so they are told the file.
 * @module
 */

/** Where systems keep them: Debian, Red Hat, SUSE, Alpine and BSD. */
const PLACES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** The file with the system's authorities, PEM; undefined where there is none. `SSL_CERT_FILE` names another one. */
export function systemAuthorities(): string | undefined {
  const named = Deno.env.get("SSL_CERT_FILE");
  return [...named ? [named] : [], ...PLACES].find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
        return false;
      }
      throw error;
    }
  });
}
