import { assertEquals } from "@std/assert";
import { describePermissions, rolePermissions } from "./permissions.ts";

const facts = {
  directory: "/data/role",
  storeDirectory: "/data/auth",
  logDirectory: "/data/log",
  recordingsDirectory: "/data/log/sessions",
  httpsFiles: ["/etc/key.pem", "/etc/cert.pem"],
  libcrypto: "/lib/libcrypto.so.3",
};

Deno.test("auth has no network, no native code and only its folders", () => {
  const { net, read, write, ffi, run, sys } = rolePermissions("auth", facts);
  assertEquals({ net, ffi, run, sys }, { net: false, ffi: false, run: false, sys: false });
  assertEquals(read, ["/data/role", "/data/auth", "/data/log"]);
  assertEquals(write, read);
});

Deno.test("the proxy may open libcrypto and nothing else natively", () => {
  const { read, write, ffi, run } = rolePermissions("proxy", facts);
  assertEquals({ write, ffi, run }, { write: ["/data/role"], ffi: ["/lib/libcrypto.so.3"], run: false });
  assertEquals(read, ["/data/role", "/etc/key.pem", "/etc/cert.pem"]);
  assertEquals(rolePermissions("proxy", { ...facts, libcrypto: undefined }).ffi, false);
});

Deno.test("the node starts programs through libc, so it has all of ffi and no run permission", () => {
  const { read, ffi, run } = rolePermissions("node", facts);
  assertEquals({ read, ffi, run }, { read: ["/data/role"], ffi: true, run: false });
});

Deno.test("permissions can be put in words", () => {
  const words = describePermissions(rolePermissions("auth", facts));
  assertEquals(words.net, "none");
  assertEquals(words.write, "/data/role, /data/auth, /data/log");
});
