import { assert, assertEquals } from "@std/assert";
import * as v from "valibot";
import { contract } from "./contract.ts";
import calls from "./testdata/calls_0.1.0.json" with { type: "json" };

// Proxies and nodes may be upgraded after auth, in any order. What they send is therefore never refused for its form:
// a call of a version that is still served keeps its name and its fields.
Deno.test("auth understands every call as hosts and clients of 0.1.0 make it", () => {
  const known: Record<string, { input: v.GenericSchema }> = contract;
  for (const [method, input] of Object.entries(calls)) {
    const entry = known[method];
    assert(entry, `${method} is gone`);
    const { issues } = v.safeParse(entry.input, input);
    assertEquals(issues?.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`), undefined, method);
  }
});
