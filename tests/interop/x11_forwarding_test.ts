import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type CertifiedUser, OwnCluster } from "../kit/certified_user.ts";
import { IS_ROOT, LOGIN } from "../kit/machine.ts";
import { TemporaryUser } from "../kit/os_account.ts";
import { eventually, run } from "../kit/run.ts";
import { said } from "../kit/text_service.ts";

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

const COOKIE = "00112233445566778899aabbccddeeff";
const PROTOCOL = "MIT-MAGIC-COOKIE-1";
/** The head of an X11 connection setup: byte order, version 11.0, lengths of protocol name and cookie. */
const SETUP_HEAD = "l\\0\\013\\0\\0\\0\\022\\0\\020\\0\\0\\0";

/** The user's X server, as far as a forwarding can tell: it takes connections and notes how they begin. */
class Screen implements AsyncDisposable {
  readonly setups: Uint8Array[] = [];
  readonly #serving: Promise<void>;

  private constructor(
    readonly listener: Deno.TcpListener,
    readonly display: string,
    readonly authority: string,
  ) {
    this.#serving = this.#serve();
  }

  /** @param home where the list of displays goes */
  static async start(home: string): Promise<Screen> {
    for (let number = 50;; number++) {
      let listener: Deno.TcpListener;
      try {
        listener = Deno.listen({ hostname: "127.0.0.1", port: 6000 + number });
      } catch (error) {
        if (error instanceof Deno.errors.AddrInUse) continue;
        throw error;
      }
      const screen = new Screen(listener, `127.0.0.1:${number}`, `${home}/.Xauthority`);
      await run("xauth", ["-q", "add", screen.display, PROTOCOL, COOKIE], { env: screen.env });
      return screen;
    }
  }

  get env(): Record<string, string> {
    return { DISPLAY: this.display, XAUTHORITY: this.authority };
  }

  async #serve(): Promise<void> {
    for await (const connection of this.listener) {
      const buffer = new Uint8Array(1000);
      const count = await connection.read(buffer);
      this.setups.push(buffer.slice(0, count ?? 0));
      await connection.write(new TextEncoder().encode("drawn"));
      connection.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.close();
    await this.#serving;
  }
}

/** What a window program does first, as a script for bash on the node: it looks up its cookie and shows it. */
const WINDOW = [
  "echo $DISPLAY",
  "cookie=$(xauth list $DISPLAY | awk '{print $3}')",
  "display=${DISPLAY#*:}",
  "exec 3<>/dev/tcp/127.0.0.1/$((6000 + ${display%.*}))",
  `{ printf '${SETUP_HEAD}${PROTOCOL}\\0\\0'; printf "$(sed 's/../\\\\x&/g' <<<$cookie)"; } >&3`,
  "cat <&3",
  "xauth list $DISPLAY",
].join("\n");

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
