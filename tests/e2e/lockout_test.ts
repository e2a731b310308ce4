import { assertEquals, assertMatch } from "@std/assert";
import { callWeb } from "../../cli/tsh/web.ts";
import { AppError } from "../../src/base/errors.ts";
import { Daemon } from "../kit/cluster.ts";
import { PASSWORD, type User } from "../kit/user.ts";

const LOGIN = Deno.env.get("USER") || (Deno.uid() === 0 ? "root" : "nobody");

/** What tsh says of a login. */
async function tshSays(user: User, password: string, code: string): Promise<string> {
  const args = ["login", `--proxy=${user.options.proxy}`, `--user=${user.name}`, "--insecure"];
  return (await user.tsh(args, { stdin: `${password}\n${code}\n` })).stderr.trim().split("\n").at(-1) ?? "";
}

/** What the web says of it. */
async function webSays(proxy: string, user: string, password: string, code: string): Promise<string> {
  const [host = "", port] = proxy.split(":");
  const key = btoa("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKm3nRLUhcxJzvIS0w9YxcaeeLX9yBJ0yi7RZPWFtq1e\n");
  try {
    const body = { user, password, otp_token: code, pub_key: key, ttl: 0 };
    await callWeb({ host, port: Number(port), insecure: true }, "POST", "/webapi/ssh/certs", body);
    return "let in";
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.message;
  }
}

Deno.test("five failures lock an account, over a restart, with one text from tsh and web; unlocking ends it", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-test-" });
  try {
    let joe: User;
    let wrong: string;
    {
      await using daemon = await Daemon.start({ directory });
      joe = await daemon.user("joe", [LOGIN]);
      wrong = await webSays(joe.options.proxy, "joe", "a wrong password", "000000");
      for (let i = 0; i < 4; i++) {
        assertEquals(await webSays(joe.options.proxy, "joe", "a wrong password", "000000"), wrong);
      }
      assertMatch(await daemon.tctlOk("users", "ls"), /^joe .*too many failed logins/m);
    }
    await using daemon = await Daemon.start({ directory });
    const proxy = await daemon.webAddress();
    assertMatch(await daemon.tctlOk("users", "ls"), /^joe .*too many failed logins/m);
    Object.assign(joe.options, { proxy, sshPort: (await daemon.addresses()).proxySsh?.port });
    const code = await joe.authenticator.code();
    assertEquals(
      await webSays(proxy, "joe", PASSWORD, code),
      wrong,
      "the right password, while it is locked",
    );
    assertEquals(await tshSays(joe, PASSWORD, code), `error: ${wrong}`);
    assertEquals(await tshSays(joe, "a wrong password", code), `error: ${wrong}`);
    assertEquals(await webSays(proxy, "nobody", "x", code), wrong, "a name that nobody has");
    await daemon.tctlOk("users", "unlock", "joe");
    await joe.loginOk();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
