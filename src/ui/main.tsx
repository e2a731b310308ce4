/**
 * The web interface starts here.
 * @module
 */
import { render } from "preact";
import "./styles.ts";
import { App } from "./app.tsx";
import { applyTheme } from "./components/theme_switch.tsx";
import { resume } from "./session.ts";

applyTheme();
const root = document.getElementById("app");
if (!root) throw new Error("the page has no place for the interface");
render(<App />, root);
void resume();
