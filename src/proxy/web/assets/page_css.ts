/**
 * Style of every page: colours, type, cards, buttons, commands.
 * @module
 */

/** CSS source. */
export const pageCss = `:root {
  color-scheme: light dark;
  --ground: #f3f5fa;
  --glow: #e3e8fb;
  --card: #ffffff;
  --line: #dfe3ee;
  --edge: #858ea8;
  --text: #151a2d;
  --soft: #525a72;
  --accent: #3b4fd8;
  --accent-strong: #2d3fbb;
  --on-accent: #ffffff;
  --good: #0f7a4a;
  --fair: #a45c00;
  --bad: #b3261e;
  --bad-ground: #fdeeed;
  --code: #f1f3f9;
  --shadow: 0 1px 2px rgb(20 26 50 / 6%), 0 12px 32px rgb(20 26 50 / 8%);
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0d111c;
    --glow: #1a2140;
    --card: #161b2a;
    --line: #2a3146;
    --edge: #6d7796;
    --text: #e8ebf5;
    --soft: #a2aac3;
    --accent: #93a2ff;
    --accent-strong: #b0bbff;
    --on-accent: #10142b;
    --good: #5fd3a0;
    --fair: #f0b35c;
    --bad: #ff9c94;
    --bad-ground: #3a1d20;
    --code: #0f1421;
    --shadow: 0 1px 2px rgb(0 0 0 / 40%), 0 16px 40px rgb(0 0 0 / 35%);
  }
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0;
  min-height: 100vh;
  padding: 0 1rem 3rem;
  color: var(--text);
  background: radial-gradient(60rem 26rem at 50% -6rem, var(--glow), transparent) no-repeat var(--ground);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
.bar {
  display: flex;
  align-items: center;
  gap: .625rem;
  max-width: 42rem;
  margin: 0 auto;
  padding: 1.5rem .25rem 1.25rem;
}
.bar img { display: block; }
.brand { font-weight: 650; letter-spacing: -.01em; }
.cluster {
  margin-left: auto;
  padding: .125rem .625rem;
  border: 1px solid var(--line);
  border-radius: 99px;
  color: var(--soft);
  background: var(--card);
  font-size: .875rem;
  overflow-wrap: anywhere;
}
.card {
  max-width: 42rem;
  margin: 0 auto;
  padding: 2.25rem 2.5rem 2.5rem;
  border: 1px solid var(--line);
  border-radius: 16px;
  background: var(--card);
  box-shadow: var(--shadow);
}
.eyebrow {
  display: flex;
  align-items: center;
  gap: .5rem;
  margin: 0 0 .375rem;
  color: var(--soft);
  font-size: .875rem;
  font-weight: 550;
}
.light { width: .5rem; height: .5rem; border-radius: 50%; background: var(--good); }
h1 {
  margin: 0 0 .5rem;
  font-size: 1.75rem;
  font-weight: 680;
  line-height: 1.2;
  letter-spacing: -.02em;
  overflow-wrap: anywhere;
}
h1:focus { outline: none; }
h2 { margin: 1.75rem 0 .625rem; font-size: 1rem; font-weight: 650; }
p { margin: 0 0 .75rem; }
.lead { margin: 0; color: var(--soft); }
.fine { margin: 1.75rem 0 0; color: var(--soft); font-size: .875rem; }
a { color: var(--accent); text-underline-offset: .15em; }
a:hover { color: var(--accent-strong); }
ul.plain { margin: 0 0 .75rem; padding-left: 1.125rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 6px; }
button { font: inherit; cursor: pointer; }
button.quiet {
  flex: none;
  padding: .25rem .625rem;
  border: 1px solid transparent;
  border-radius: 7px;
  color: var(--accent);
  background: transparent;
  font-size: .875rem;
  font-weight: 550;
}
button.quiet:hover { border-color: var(--line); color: var(--accent-strong); }
.command {
  display: flex;
  align-items: center;
  gap: .5rem;
  min-height: 2.75rem;
  margin: 0 0 .5rem;
  padding: .375rem .5rem .375rem 1rem;
  border: 1px solid var(--line);
  border-radius: 10px;
  background: var(--code);
}
.command code { flex: 1; font: .9rem/1.5 var(--mono); overflow-wrap: anywhere; }
.command code span { display: inline-block; max-width: 100%; }
.command code::before { content: "$ "; color: var(--soft); }
.visually-hidden {
  position: absolute !important;
  width: 1px;
  height: 1px;
  margin: -1px;
  padding: 0;
  border: 0;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
@media (max-width: 36rem) {
  body { padding: 0 .75rem 2rem; }
  .bar { padding: 1rem .25rem .875rem; }
  .card { padding: 1.5rem 1.25rem 1.75rem; }
  h1 { font-size: 1.5rem; }
}
@media (prefers-reduced-motion: no-preference) {
  button, input { transition: border-color .12s, background-color .12s, color .12s; }
}
`;
