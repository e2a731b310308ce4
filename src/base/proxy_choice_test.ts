import { assertEquals, assertThrows } from "@std/assert";
import { AppError } from "./errors.ts";
import { isExempt, proxyFor } from "./proxy_choice.ts";

const TARGET = { host: "proxy.example.com", port: 3080 };
const choose = (variables: Record<string, string>, target = TARGET) =>
  proxyFor(target, (name) => variables[name]);

Deno.test("HTTPS_PROXY names the proxy, HTTP_PROXY where that is not set, in either case of letters", () => {
  const squid = { host: "squid", port: 3128, tls: false };
  assertEquals(choose({ HTTPS_PROXY: "http://squid:3128" }), squid);
  assertEquals(choose({ HTTP_PROXY: "http://squid:3128" }), squid);
  assertEquals(choose({ https_proxy: "http://squid:3128" }), squid);
  assertEquals(choose({ http_proxy: "http://squid:3128" }), squid);
  assertEquals(choose({ HTTPS_PROXY: "http://squid:3128", HTTP_PROXY: "http://other:1" }), squid);
  assertEquals(choose({ HTTPS_PROXY: "", HTTP_PROXY: "http://squid:3128" }), squid);
  assertEquals(choose({}), undefined);
});

Deno.test("a proxy is scheme://host:port, http or https, and a bare host:port gets http", () => {
  assertEquals(choose({ HTTPS_PROXY: "squid:3128" }), { host: "squid", port: 3128, tls: false });
  assertEquals(choose({ HTTPS_PROXY: "squid" }), { host: "squid", port: 80, tls: false });
  assertEquals(choose({ HTTPS_PROXY: "https://squid:3128/" }), { host: "squid", port: 3128, tls: true });
  assertEquals(choose({ HTTPS_PROXY: "https://squid" }), { host: "squid", port: 443, tls: true });
  assertEquals(choose({ HTTPS_PROXY: "http://[2001:db8::1]:3128" }), {
    host: "2001:db8::1",
    port: 3128,
    tls: false,
  });
  assertEquals(choose({ HTTPS_PROXY: "http://joe:p%40ss@squid:3128" }), {
    host: "squid",
    port: 3128,
    tls: false,
    login: "joe:p@ss",
  });
});

Deno.test("a proxy on this machine is honoured", () => {
  assertEquals(choose({ HTTPS_PROXY: "localhost:3128" })?.host, "localhost");
  assertEquals(choose({ HTTPS_PROXY: "http://127.0.0.1:3128" })?.host, "127.0.0.1");
});

Deno.test("a value that is no proxy is an error that names the variable and not the value", () => {
  for (
    const value of [
      "socks5://joe:secret@squid:1",
      "http://",
      "http://joe:secret@squid:99999",
      "http://%zz:secret@squid:1",
      "::secret",
    ]
  ) {
    const error = assertThrows(() => choose({ HTTPS_PROXY: value }), AppError, "HTTPS_PROXY", value);
    assertEquals(error.message.includes("secret"), false, value);
  }
});

Deno.test("NO_PROXY exempts domains with what is below them, addresses, networks, ports and everything", () => {
  const cases: [string, string, boolean][] = [
    ["example.com", "proxy.example.com", true],
    [".example.com", "proxy.example.com", true],
    ["*.example.com", "proxy.example.com", true],
    ["PROXY.Example.com.", "proxy.example.com", false],
    ["Example.COM", "proxy.example.com", true],
    ["ample.com", "proxy.example.com", false],
    ["other.org, example.com", "proxy.example.com", true],
    ["proxy.example.com:3080", "proxy.example.com", true],
    ["proxy.example.com:3081", "proxy.example.com", false],
    ["*", "proxy.example.com", true],
    ["", "proxy.example.com", false],
    ["192.0.2.7", "192.0.2.7", true],
    ["192.0.2.0/24", "192.0.2.7", true],
    ["192.0.2.0/24", "192.0.3.7", false],
    ["192.0.2.0/99", "192.0.2.7", false],
    ["192.0.2.0/24", "2001:db8::1", false],
    ["2001:db8::/32", "2001:db8::1", true],
    ["[2001:db8::1]:3080", "2001:db8::1", true],
    ["2.7", "192.0.2.7", false],
  ];
  for (const [list, host, exempt] of cases) {
    assertEquals(isExempt({ host, port: 3080 }, list), exempt, `${list} and ${host}`);
  }
  assertEquals(choose({ HTTPS_PROXY: "squid:1", NO_PROXY: "example.com" }), undefined);
  assertEquals(choose({ HTTPS_PROXY: "squid:1", no_proxy: "example.com" }), undefined);
});
