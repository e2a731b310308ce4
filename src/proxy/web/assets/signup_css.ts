/**
 * Style of the signup form: steps, fields, password rules, QR code.
 * @module
 */

/** CSS source. */
export const signupCss = `fieldset {
  min-width: 0;
  margin: 1.75rem 0 0;
  padding: 1.75rem 0 0;
  border: 0;
  border-top: 1px solid var(--line);
}
legend {
  float: left;
  display: flex;
  align-items: center;
  gap: .625rem;
  width: 100%;
  margin: 0 0 1rem;
  padding: 0;
  font-size: 1.0625rem;
  font-weight: 650;
}
legend + * { clear: both; }
.number {
  display: grid;
  place-items: center;
  width: 1.625rem;
  height: 1.625rem;
  border-radius: 50%;
  color: var(--on-accent);
  background: var(--accent);
  font-size: .875rem;
}
.field { margin: 0 0 1rem; }
label, .label { display: block; margin: 0 0 .3rem; font-size: .9375rem; font-weight: 550; }
input {
  width: 100%;
  height: 2.75rem;
  padding: 0 .875rem;
  border: 1px solid var(--edge);
  border-radius: 9px;
  color: inherit;
  background: var(--card);
  font: inherit;
}
input:hover { border-color: var(--soft); }
input:focus-visible { border-color: var(--accent); outline-offset: 0; outline-width: 2px; border-radius: 9px; }
input[aria-invalid="true"] { border-color: var(--bad); }
.with-button { position: relative; }
.with-button input { padding-right: 5rem; }
.with-button button { position: absolute; top: .375rem; right: .375rem; height: 2rem; }
.hint { margin: .375rem 0 0; color: var(--soft); font-size: .875rem; }
.meter { display: grid; grid-template-columns: repeat(4, 1fr); gap: .25rem; margin-top: .5rem; }
.meter span { height: .25rem; border-radius: 2px; background: var(--line); }
.meter[data-score="1"] span:nth-child(-n+1) { background: var(--bad); }
.meter[data-score="2"] span:nth-child(-n+2) { background: var(--fair); }
.meter[data-score="3"] span:nth-child(-n+3) { background: var(--good); }
.meter[data-score="4"] span { background: var(--good); }
.rules {
  display: flex;
  flex-wrap: wrap;
  gap: .25rem 1.5rem;
  margin: 0;
  padding: 0;
  list-style: none;
  color: var(--soft);
  font-size: .875rem;
}
.rules li::before { content: "\\25CB"; display: inline-block; width: 1.375rem; }
.rules li[data-state="met"] { color: var(--good); }
.rules li[data-state="met"]::before { content: "\\2713"; }
.rules li[data-state="unmet"] { color: var(--bad); }
.rules li[data-state="unmet"]::before { content: "\\2715"; }
.rules #rule-strength::before { content: none; }
.rules #rule-strength b { color: var(--text); font-weight: 600; }
.scan { display: flex; gap: 1.75rem; align-items: center; }
.scan > div { flex: 1; min-width: 0; }
.qr {
  flex: none;
  display: block;
  width: 11.5rem;
  height: 11.5rem;
  border: 1px solid var(--line);
  border-radius: 12px;
  background: #fff;
}
.on-phone { display: none; }
@media (pointer: coarse) { .on-phone { display: block; } }
.key {
  display: flex;
  align-items: center;
  gap: .5rem;
  padding: .5rem .5rem .5rem .875rem;
  border: 1px solid var(--line);
  border-radius: 10px;
  background: var(--code);
}
.key code { flex: 1; font: .9375rem/1.5 var(--mono); overflow-wrap: break-word; min-width: 0; }
input.code {
  max-width: 13rem;
  height: 3.25rem;
  font: 1.5rem var(--mono);
  letter-spacing: .3em;
  font-variant-numeric: tabular-nums;
}
.alert {
  margin: 1.25rem 0 0;
  padding: .75rem 1rem;
  border-left: 4px solid var(--bad);
  border-radius: 8px;
  color: var(--bad);
  background: var(--bad-ground);
}
button.primary, a.primary {
  display: grid;
  place-items: center;
  width: 100%;
  height: 3rem;
  margin: 1.5rem 0 0;
  border: 0;
  border-radius: 10px;
  color: var(--on-accent);
  background: var(--accent);
  font-weight: 620;
}
button.primary:hover, a.primary:hover { background: var(--accent-strong); }
button.primary[aria-disabled="true"] { cursor: progress; opacity: .7; }
a.primary { text-decoration: none; }
a.primary:hover { color: var(--on-accent); }
.todo { margin: .75rem 0 0; padding-left: 1.25rem; }
.todo li { margin: 0 0 1.25rem; padding-left: .25rem; }
.todo li::marker { color: var(--soft); font-weight: 600; }
.todo p { margin: 0 0 .5rem; }
@media (max-width: 36rem) {
  .scan { flex-direction: column; align-items: stretch; gap: 1.25rem; }
  .scan .qr { align-self: center; width: 14rem; height: 14rem; }
  .rules { flex-direction: column; }
}
`;
