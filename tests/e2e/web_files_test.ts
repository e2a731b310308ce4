import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import { request } from "node:https";
import { UPLOAD_PART } from "../../src/model/web.ts";
import { Daemon } from "../kit/cluster.ts";
import { eventually, run } from "../kit/run.ts";
import { WebBrowser } from "../kit/web_browser.ts";

const LOGIN = Deno.env.get("USER") ?? "root";
const SITE = "/v1/webapi/sites/-current-";
const SIZE = 24 * 1024 * 1024;

const sum = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

Deno.test("files in a browser", async (t) => {
  await using daemon = await Daemon.start();
  const joe = await daemon.user("joe");
  const browser = await WebBrowser.signedIn(daemon, joe);
  const node = (await browser.ask("GET", `${SITE}/nodes`)).json.items[0].id;
  const folder = `${daemon.directory}/files`;
  await Deno.mkdir(folder);
  const at = (path: string, login = LOGIN) =>
    `${SITE}/nodes/${node}/${login}/files?path=${encodeURIComponent(path)}`;
  const part = (path: string, offset: number, body: Uint8Array, login?: string) =>
    browser.ask("PUT", `${at(path, login)}&offset=${offset}`, {
      body,
      headers: { "content-type": "application/octet-stream" },
    });
  /** Begins to send so much. */
  const begin = (path: string, length: number) => {
    const sent = request({
      host: "127.0.0.1",
      port: browser.port,
      method: "PUT",
      path: at(path),
      rejectUnauthorized: false,
      headers: { ...browser.headers("PUT"), "content-length": String(length) },
    });
    sent.on("error", () => {}); // it is us who break it off
    sent.flushHeaders();
    return sent;
  };
  const upload = (path: string, body: Uint8Array, login?: string) => part(path, 0, body, login);

  await t.step(
    "up and down again, of any size and name, written into the audit log by the node",
    async () => {
      const name = `${folder}/naïve "file"; x=1\n.bin`;
      const data = randomBytes(SIZE);
      for (let at = 0; at < SIZE; at += UPLOAD_PART) {
        const put = await part(name, at, data.subarray(at, at + UPLOAD_PART));
        assertEquals([put.status, put.json], [200, { bytes: Math.min(UPLOAD_PART, SIZE - at) }], put.text);
      }
      assertEquals(sum(await Deno.readFile(name)), sum(data));
      const got = await browser.ask("GET", at(name));
      assertEquals(got.status, 200);
      assertEquals([got.headers["content-length"], sum(got.bytes)], [String(SIZE), sum(data)]);
      const disposition = String(got.headers["content-disposition"]);
      assertEquals(
        disposition,
        `attachment; filename="na_ve _file__ x_1_.bin"; filename*=UTF-8''na%C3%AFve%20%22file%22%3B%20x%3D1%0A.bin`,
      );
      for (const [action, length] of [["write", UPLOAD_PART], ["read", SIZE]]) {
        const event = await daemon.event("sftp", (event) => event.action === action);
        assertEquals([event.user, event.login, event.len], ["joe", LOGIN, length]);
        assertStringIncludes(String(event.path), "file");
      }
      const empty = await upload(`${folder}/empty`, new Uint8Array());
      assertEquals([empty.status, empty.json.bytes], [200, 0]);
      assertEquals((await browser.ask("GET", at(`${folder}/empty`))).bytes.length, 0);
    },
  );

  await t.step("what is too much at once, or does not follow, is refused before it is read", async () => {
    const large = begin(`${folder}/large`, UPLOAD_PART + 1);
    const status = await new Promise((resolve) =>
      large.on("response", (answer) => resolve(answer.statusCode))
    );
    assertEquals(status, 400);
    large.destroy();
    assertEquals((await upload(`${folder}/small`, new Uint8Array(3))).status, 200);
    assertEquals((await part(`${folder}/small`, 2, new Uint8Array(1))).status, 409);
    assertEquals((await part(`${folder}/small`, 3, new Uint8Array(1))).status, 200);
    assertEquals((await Deno.stat(`${folder}/small`)).size, 4);
    assertEquals((await part(`${folder}/none`, 3, new Uint8Array(1))).status, 404);
    assertEquals((await part(`${folder}/small`, -1, new Uint8Array(1))).status, 400);
  });

  await t.step("a file of the kernel's, which says that it is empty, comes as it is", async () => {
    assertEquals(
      (await browser.ask("GET", at("/proc/version"))).text,
      await Deno.readTextFile("/proc/version"),
    );
  });

  await t.step("a plain link takes a ticket", async () => {
    const path = at(`${folder}/empty`);
    const { ticket } = (await browser.ask("POST", "/v1/webapi/tickets", { body: { path } })).json;
    assertEquals((await browser.ask("GET", `${path}&ticket=${ticket}`, { withoutBearer: true })).status, 200);
    assertEquals((await browser.ask("GET", path, { withoutBearer: true })).status, 401);
    const put = await browser.ask("POST", "/v1/webapi/tickets", { body: { path } });
    const written = await browser.ask("PUT", `${path}&ticket=${put.json.ticket}`, {
      body: {},
      withoutBearer: true,
    });
    assertEquals(written.status, 401, "a ticket writes nothing");
  });

  await t.step("what the node refuses is told", async () => {
    assertEquals((await browser.ask("GET", at(`${folder}/none`))).status, 404);
    assertEquals((await browser.ask("GET", at(folder))).status, 400);
    assertEquals((await upload(`${folder}/no/such/folder`, new Uint8Array(1))).status, 404);
    assertEquals((await upload(`${folder}/x`, new Uint8Array(1), "nobody")).status, 403);
    assertEquals((await browser.ask("GET", at(`${folder}/empty`, "-oProxyCommand=x"))).status, 400);
    assertEquals((await browser.ask("GET", at("a\0b"))).status, 400);
  });

  await t.step("an upload that breaks off is no success", async () => {
    const path = `${folder}/broken`;
    const sent = begin(path, UPLOAD_PART);
    sent.write(Buffer.alloc(UPLOAD_PART / 2));
    await eventually("the file to grow", async () => {
      const { code, stdout } = await run("stat", ["-c", "%s", path]);
      return code === 0 && Number(stdout) > 0;
    });
    sent.destroy();
    await daemon.event("sftp", (event) => String(event.path).endsWith("broken"));
    assert((await Deno.stat(path)).size < UPLOAD_PART);
    assertEquals((await browser.ask("GET", `${SITE}/nodes`)).status, 200);
  });
});
