import { systemClock } from "../base/clock.ts";
import { testBackend } from "./conformance.ts";
import { MemoryBackend } from "./memory.ts";

testBackend("memory", (clock) => Promise.resolve(new MemoryBackend({ ...systemClock, now: clock.now })), {
  beside: (backend) => Promise.resolve(backend.beside()),
});
