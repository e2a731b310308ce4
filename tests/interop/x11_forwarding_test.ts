import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type CertifiedUser, OwnCluster } from "../kit/certified_user.ts";
import { IS_ROOT, LOGIN } from "../kit/machine.ts";
import { TemporaryUser } from "../kit/os_account.ts";
import { eventually, run } from "../kit/run.ts";
import { said } from "../kit/text_service.ts";
import { COOKIE, PROTOCOL, Screen, WINDOW } from "../kit/x11_screen.ts";

const XAUTH = await run("sh", ["-c", "command -v xauth"]);
const ignore = XAUTH.code !== 0;
if (ignore) console.log("skipped, needs the program xauth: X11 forwarding");

let cluster: OwnCluster;
let account: TemporaryUser | undefined;
let joe: CertifiedUser;
let screen: Screen;

Deno.test.beforeAll(async () => {
  if (IS_ROOT) account = await TemporaryUser.create("tpxwin");
  cluster = await OwnCluster.start();
  joe = await cluster.user("joe", [account?.name ?? LOGIN], ["pty", "X11-forwarding"]);
  screen = await Screen.start(joe.home);
});

Deno.test.afterAll(async () => {
  await screen[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
  await account?.[Symbol.asyncDispose]();
});

Deno.test({
  name:
    "ssh -Y shows windows of the session's programs, with the real cookie in the place of the made-up one",
  ignore,
  async fn() {
    const { stdout, stderr } = await joe.ssh(["-Y"], ["bash -s"], { env: screen.env, stdin: WINDOW });
    assertMatch(stdout, /^localhost:\d+\.0\n/, stderr);
    assertStringIncludes(stdout, "drawn", stderr);
    const [setup = new Uint8Array()] = screen.setups;
    assertStringIncludes(new TextDecoder("latin1").decode(setup), PROTOCOL);
    const cookie = [...setup.slice(-16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    assertEquals(cookie, COOKIE, "the screen sees its own cookie");
    assertEquals(stdout.includes(COOKIE), false, "the host never does");
    const event = await cluster.daemon.event("port", (event) => event.forwarded === "x11");
    assertEquals([event.success, event.user, event.login], [true, "joe", joe.login]);
  },
});

Deno.test({
  name: "two sessions have two displays; each goes with its session, and so does its cookie",
  ignore,
  async fn() {
    const sessions = [0, 1].map(() => joe.sshInBackground(["-Y"], ["echo $DISPLAY; sleep 60"], screen.env));
    const displays = await Promise.all(sessions.map((session) => session.firstLine()));
    const numbers = displays.map((display) => Number(/:(\d+)/.exec(display)?.[1]));
    assertEquals(new Set(numbers).size, 2, displays.join());
    const home = account?.home ?? Deno.env.get("HOME") ?? "/root";
    const entries = async () => (await run("xauth", ["-f", `${home}/.Xauthority`, "list"])).stdout;
    for (const number of numbers) assertStringIncludes(await entries(), `unix:${number} `);
    for (const session of sessions) await session.end();
    for (const number of numbers) {
      await eventually(
        "the display's port to be closed",
        async () => await said(6000 + number) === undefined || undefined,
      );
      await eventually(
        "its cookie to go",
        async () => !(await entries()).includes(`unix:${number} `) || undefined,
      );
    }
  },
});

Deno.test({
  name: "without the permit there is no display; the session runs, and the audit log has the reason",
  ignore,
  async fn() {
    const guest = await cluster.user("guest", [joe.login], ["pty"]);
    const { stdout, stderr } = await guest.ssh(["-Y", "-v"], ["echo [$DISPLAY]"], { env: screen.env });
    assertEquals(stdout, "[]\n");
    assertStringIncludes(stderr, "X11 forwarding is not permitted by your certificate");
    assertStringIncludes(stderr, "X11 forwarding request failed");
    const event = await cluster.daemon.event(
      "port",
      (event) => event.user === "guest" && event.forwarded === "x11",
    );
    assertEquals(event.success, false);
  },
});

Deno.test({
  name:
    "our own client: one connection only if it asked for one, and nothing but words in what xauth is told",
  ignore,
  async fn() {
    const origins: string[] = [];
    const client = await cluster.connect(joe, {
      x11: async ({ address }) => {
        origins.push(address);
        return await Promise.reject(new Error("no screen"));
      },
    });
    const request = { singleConnection: true, protocol: PROTOCOL, cookie: COOKIE, screen: 0 };
    const session = await client.exec("echo $DISPLAY; cat", { x11: request });
    const number = await new Promise<number>((resolve) =>
      session.stream.once("data", (chunk) => resolve(Number(/:(\d+)/.exec(String(chunk))?.[1])))
    );
    assertEquals(await said(6000 + number), "", "the first one is taken, and refused by the client");
    await eventually(
      "the port to be closed",
      async () => await said(6000 + number) === undefined || undefined,
    );
    assertEquals(origins, ["127.0.0.1"]);
    session.stream.end();
    session.stream.resume();
    await session.exit;
    for (
      const bad of [{ cookie: "00\nadd evil . 00" }, { protocol: "a b" }, { protocol: "" }, {
        screen: 100_000,
      }]
    ) {
      const refused = await client.exec("true", { x11: { ...request, ...bad } });
      assertEquals([...refused.refused], ["x11"], JSON.stringify(bad));
      refused.stream.resume();
      await refused.exit;
    }
    client.close();
  },
});
