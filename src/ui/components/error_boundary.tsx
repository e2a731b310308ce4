/**
 * What is shown in place of a page that broke, or whose code could not be loaded: after an upgrade of the proxy the old
 * parts are gone.
 * @module
 */
import type { ComponentChildren } from "preact";
import { useErrorBoundary } from "preact/hooks";
import { Icon } from "./icon.tsx";

export function ErrorBoundary({ children }: { children: ComponentChildren }) {
  const [error] = useErrorBoundary((error: unknown) => console.error(error));
  if (error === undefined || error === null) return <>{children}</>;
  return (
    <div class="empty" role="alert">
      <Icon name="alert" size={40} />
      <h2>This page could not be shown</h2>
      <p>The server may have been upgraded since it was loaded. Loading it anew helps then.</p>
      <button type="button" onClick={() => location.reload()}>Load anew</button>
    </div>
  );
}
