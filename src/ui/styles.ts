/**
 * The style sheets, and what brings the packages they import into the module graph: the bundler resolves no package
 * that is named by a style sheet only.
 * @module
 */
import "@picocss/pico/package.json" with { type: "json" };
import "./styles/main.css";
import "@xterm/xterm/css/xterm.css";
