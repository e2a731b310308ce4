import { assertEquals } from "@std/assert";
import { deferImports } from "./deferred_imports.ts";

Deno.test("what a tool imports later is not foreseen, what Workers reach stays as it is", () => {
  const files = new Map([
    ["main.js", 'import"./both.js";run=()=>import("./tsh.js")'],
    ["tsh.js", 'import{a}from"./both.js";b=async()=>(await import("./ls.js")).ls()'],
    ["ls.js", "export const ls=1"],
    ["both.js", 'export const a=()=>import("./ls.js")'],
    ["workers/auth.js", 'import{a}from"../both.js";import("../sso.js")'],
    ["sso.js", 'import("./saml.js")'],
  ]);
  assertEquals([...deferImports(files, ["workers/auth.js"])], [
    ["main.js", 'import"./both.js";run=()=>import(new URL("./tsh.js",import.meta.url).href)'],
    [
      "tsh.js",
      'import{a}from"./both.js";b=async()=>(await import(new URL("./ls.js",import.meta.url).href)).ls()',
    ],
  ]);
});
