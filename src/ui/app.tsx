/**
 * What the window shows: the login page for nobody, the pages for somebody.
 * @module
 */
import { lazy, Suspense } from "preact/compat";
import { useCell } from "./cell.ts";
import { Questions } from "./components/confirm.tsx";
import { ErrorBoundary } from "./components/error_boundary.tsx";
import { Mark } from "./components/icon.tsx";
import { Failed, Loading } from "./components/page.tsx";
import { Toasts } from "./components/toasts.tsx";
import { LoginPage } from "./pages/login_page.tsx";
import { resume, session } from "./session.ts";

/** Everything behind the login is loaded after it. */
const Shell = lazy(() => import("./shell.tsx").then(({ Shell }) => ({ default: Shell })));

export function App() {
  return (
    <>
      <ErrorBoundary>
        <Content />
      </ErrorBoundary>
      <Questions />
      <Toasts />
    </>
  );
}

function Content() {
  const state = useCell(session);
  switch (state.kind) {
    case "looking":
      return (
        <div class="entrance" aria-busy="true">
          <Mark size={44} />
        </div>
      );
    case "unreachable":
      return (
        <main class="entrance">
          <Failed
            failure={new Error("the server could not be reached; check your connection")}
            retry={() => void resume()}
          />
        </main>
      );
    case "out":
      return <LoginPage notice={state.notice} />;
    case "in":
      return (
        <Suspense fallback={<Loading what="Loading…" />}>
          <Shell context={state.context} />
        </Suspense>
      );
  }
}
