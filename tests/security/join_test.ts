import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connect, createServer, type Socket } from "node:net";
import { joinCluster, type JoinOptions } from "../../src/api/join.ts";
import { JOIN_USER, joinAnswerer, joinQuestion, newNonce, requireProof } from "../../src/api/join_proof.ts";
import { authorityPin } from "../../src/api/pin.ts";
import { AppError } from "../../src/base/errors.ts";
import { Secret } from "../../src/base/secret.ts";
import { EXTENSION } from "../../src/model/authority.ts";
import type { JoinRole } from "../../src/model/identity.ts";
import { issueCertificate } from "../../src/ssh/certificate.ts";
import { connectSsh, type SshClient } from "../../src/ssh/client.ts";
import { generateKey } from "../../src/ssh/private_key.ts";
import { SshServer } from "../../src/ssh/server.ts";
import type { Dialog } from "../../src/ssh/server_authentication.ts";
import { type AuthFixture, startAuth } from "../kit/auth_fixture.ts";
import { FakeClock } from "../kit/clock.ts";

const TOKEN = "the-one-and-only-join-token";

function withToken(): Promise<AuthFixture> {
  return startAuth({ settings: { staticTokens: [{ token: TOKEN, roles: ["node", "proxy"] }] } });
}

async function join(fixture: AuthFixture, change: Partial<JoinOptions> = {}) {
  return await joinCluster({
    stream: change.stream ?? await fixture.dial(),
    token: new Secret(TOKEN),
    caPins: [],
    hostId: crypto.randomUUID(),
    name: "luna",
    role: "node",
    publicNames: [],
    clock: fixture.clock,
    ...change,
  });
}

interface FalseServer extends AsyncDisposable {
  dial(): Promise<Socket>;
  /** Logins that were granted. */
  granted: string[];
  /** Sessions that a victim opened after the login. */
  sessions: number;
}

/** An SSH server with a sound host certificate of its own CA, run by the attacker. */
async function startFalseServer(dialog: (dialog: Dialog) => Promise<string>): Promise<FalseServer> {
  const [ca, key] = [generateKey(), generateKey()];
  const now = Date.now() / 1000;
  const certificate = issueCertificate(ca, {
    kind: "host",
    key: key.publicKey,
    keyId: crypto.randomUUID(),
    principals: ["auth"],
    validAfter: now - 60,
    validBefore: now + 3600,
    extensions: { [EXTENSION.hostRole]: "auth", [EXTENSION.cluster]: "test.example.com" },
  });
  const granted: string[] = [];
  const state = { sessions: 0 };
  const ssh = new SshServer<string>({
    hostCredential: { key, certificate },
    authenticator: {
      certificate: () => {
        throw new AppError("unauthenticated", "no certificates here");
      },
      async dialog(given) {
        const identity = await dialog(given);
        granted.push(identity);
        return identity;
      },
    },
    routes: {
      session: () => {
        state.sessions++;
        return {};
      },
    },
  });
  const listener = createServer((socket) => ssh.accept(socket));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as { port: number };
  return {
    granted,
    get sessions() {
      return state.sessions;
    },
    dial: () =>
      new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1", () => resolve(socket));
      }),
    async [Symbol.asyncDispose]() {
      ssh.close();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
}

Deno.test("a host with the right token joins, and its certificate names only what the cluster decides", async () => {
  await using fixture = await withToken();
  const hostId = crypto.randomUUID();
  const joined = await join(fixture, { hostId, publicNames: ["evil.example.org"] });
  assertEquals(joined.cluster, fixture.cluster);
  assertEquals(joined.certificate.principals, [
    hostId,
    `${hostId}.${fixture.cluster}`,
    "luna",
    `luna.${fixture.cluster}`,
  ]);
  assertEquals(joined.certificate.extensions.get(EXTENSION.hostRole), "node");
  assertEquals((await fixture.events("host.join")).length, 1);
  const { api, ssh } = await fixture.connect(
    fixture.login(hostId, { key: joined.key, certificate: joined.certificate }),
  );
  assertEquals((await api.call("cluster.get", {})).name, fixture.cluster);
  ssh.close();
});

Deno.test("a false auth server that grants the login without a question is refused", async () => {
  await using fixture = await withToken();
  await using attacker = await startFalseServer(() => Promise.resolve("victim"));
  const error = await assertRejects(
    async () => await join(fixture, { stream: await attacker.dial() }),
    AppError,
    "does not know this join token",
  );
  assertEquals(error.code, "unauthenticated");
  assertEquals(attacker.granted, ["victim"]);
  assertEquals(attacker.sessions, 0, "the host must not speak to a server that proved nothing");
});

Deno.test("a false auth server that asks for the host's proof and then grants the login is refused", async () => {
  await using fixture = await withToken();
  await using attacker = await startFalseServer(async (dialog) => {
    await dialog.ask(joinQuestion.hello(newNonce()));
    return "victim";
  });
  await assertRejects(
    async () => await join(fixture, { stream: await attacker.dial() }),
    AppError,
    "does not know this join token",
  );
  assertEquals(attacker.sessions, 0);
});

Deno.test("a false auth server that sends the host's own proof back is refused", async () => {
  await using fixture = await withToken();
  await using attacker = await startFalseServer(async (dialog) => {
    const answer = await dialog.ask(joinQuestion.hello(newNonce()));
    await dialog.ask(joinQuestion.joined(answer.split(":")[1] ?? ""));
    return "victim";
  });
  await assertRejects(
    async () => await join(fixture, { stream: await attacker.dial() }),
    AppError,
    "does not know this join token",
  );
  assertEquals(attacker.granted, []);
});

Deno.test("a false auth server cannot get a second proof for a nonce of its choice", async () => {
  await using fixture = await withToken();
  await using attacker = await startFalseServer(async (dialog) => {
    await dialog.ask(joinQuestion.hello(newNonce()));
    await dialog.ask(joinQuestion.hello(newNonce()));
    return "victim";
  });
  await assertRejects(
    async () => await join(fixture, { stream: await attacker.dial() }),
    AppError,
    "does not know this join token",
  );
  assertEquals(attacker.granted, []);
});

Deno.test("a man in the middle who relays the join dialog is detected by both sides and nothing is joined", async () => {
  await using fixture = await withToken();
  const toServer: string[] = [];
  // The attacker speaks to the genuine server in the victim's words, question by question.
  await using attacker = await startFalseServer((victim) => {
    return new Promise<string>((resolve, reject) => {
      const relay = async () => {
        const upstream = await connectSsh({
          stream: await fixture.dial(),
          username: JOIN_USER,
          verifyHost: () => {},
          answer: async (question) => {
            const answer = await victim.ask(question);
            toServer.push(answer);
            return answer;
          },
        });
        upstream.close();
        return "the attacker is in";
      };
      relay().then(resolve, reject);
    });
  });
  const error = await assertRejects(
    async () => await join(fixture, { stream: await attacker.dial() }),
    AppError,
  );
  assertStringIncludes(error.message, "the join token is not known to this cluster");
  assertEquals(attacker.granted, []);
  assertEquals(toServer.length, 1, "the genuine server asked once, then refused");
  const refusals = await fixture.eventually("auth");
  assertEquals(refusals.map((event) => event.success), [false]);
  assertEquals(await fixture.events("host.join"), []);
  assertEquals(await fixture.backend.list(["host"]), []);
});

Deno.test("a man in the middle who passes on the dialog but grants the login himself is detected by the host", async () => {
  await using fixture = await withToken();
  await using attacker = await startFalseServer(async (victim) => {
    let upstream: SshClient | undefined;
    try {
      upstream = await connectSsh({
        stream: await fixture.dial(),
        username: JOIN_USER,
        verifyHost: () => {},
        answer: async (question) =>
          question.startsWith("teleport-refused") ? "ok" : await victim.ask(question),
      });
    } catch (error) {
      assert(error instanceof AppError);
    }
    upstream?.close();
    return "victim";
  });
  await assertRejects(
    async () => await join(fixture, { stream: await attacker.dial() }),
    AppError,
    "does not know this join token",
  );
  assertEquals(attacker.sessions, 0);
  assertEquals(await fixture.backend.list(["host"]), []);
});

Deno.test("a proof for one connection is worth nothing on another", async () => {
  await using fixture = await withToken();
  const first = joinAnswerer(new Secret(TOKEN));
  let recorded = "";
  const attempt = async (answer: (question: string, sessionId: Uint8Array) => string) => {
    const ssh = await connectSsh({
      stream: await fixture.dial(),
      username: JOIN_USER,
      verifyHost: () => {},
      answer: (question, sessionId) => answer(question, sessionId),
    });
    ssh.close();
  };
  await attempt((question, sessionId) => {
    const answer = first.answer(question, sessionId as Parameters<typeof first.answer>[1]);
    if (answer !== "ok") recorded = answer;
    return answer;
  });
  requireProof(first);
  assert(recorded.length > 90);
  await assertRejects(() => attempt(() => recorded), AppError, "refused the login");
});

Deno.test("a host with an unknown token learns the reason, and the refusal is in the audit log", async () => {
  await using fixture = await withToken();
  const error = await assertRejects(() => join(fixture, { token: new Secret("not-a-token") }), AppError);
  assertEquals(error.code, "access_denied");
  assertStringIncludes(error.message, "is not known to this cluster");
  const [event] = await fixture.eventually("auth");
  assertEquals(event?.success, false);
  assertEquals(event?.["addr.remote"], "127.0.0.1");
  assertStringIncludes(String(event?.error), "not known");
  assertEquals(JSON.stringify(event).includes("not-a-token"), false);
});

Deno.test("a host with an expired token learns that it expired and when", async () => {
  const clock = new FakeClock(Date.now());
  await using fixture = await startAuth({ clock });
  const { token } = await fixture.auth.tokens.create(["node"], 60_000);
  await clock.advance(60_000);
  const error = await assertRejects(() => join(fixture, { token: new Secret(token) }), AppError);
  assertStringIncludes(error.message, "this join token expired at");
  assertEquals(await fixture.events("host.join"), []);
});

Deno.test("a host with a removed token learns that an administrator removed it", async () => {
  await using fixture = await startAuth();
  const { token } = await fixture.auth.tokens.create(["node"], 60_000);
  assertEquals(await fixture.auth.tokens.remove(token), true);
  const error = await assertRejects(() => join(fixture, { token: new Secret(token) }), AppError);
  assertStringIncludes(error.message, "removed by an administrator");
});

Deno.test("a token for one role does not admit another", async () => {
  await using fixture = await startAuth({ settings: { staticTokens: [{ token: TOKEN, roles: ["node"] }] } });
  for (const role of ["proxy", "auth"] satisfies JoinRole[]) {
    const error = await assertRejects(() => join(fixture, { role }), AppError);
    assertEquals(error.code, "access_denied");
    assertStringIncludes(error.message, `does not allow the role "${role}"`);
  }
  assertEquals((await fixture.events("host.join")).map(({ success }) => success), [false, false]);
});

Deno.test("a host with a pin joins the pinned cluster only", async () => {
  await using fixture = await withToken();
  const pin = authorityPin(fixture.auth.authorities.signer("host").publicKey);
  const userPin = authorityPin(fixture.auth.authorities.signer("user").publicKey);
  const joined = await join(fixture, { caPins: [pin] });
  assertEquals(joined.cluster, fixture.cluster);
  const error = await assertRejects(
    () => join(fixture, { caPins: [userPin] }),
    AppError,
    "no --ca-pin names",
  );
  assertEquals(error.code, "unauthenticated");
  assertStringIncludes(error.message, pin);
  assertEquals((await fixture.events("host.join")).length, 1);
});

Deno.test("a host cannot take the id of a host that has joined with another key", async () => {
  await using fixture = await withToken();
  const hostId = crypto.randomUUID();
  await join(fixture, { hostId });
  const error = await assertRejects(() => join(fixture, { hostId, name: "other" }), AppError);
  assertEquals(error.code, "already_exists");
});

Deno.test("a host cannot take another host's id, or a name below the cluster's, as its name", async () => {
  await using fixture = await withToken();
  const victim = crypto.randomUUID();
  await join(fixture, { hostId: victim });
  const taken = [
    victim,
    victim.toUpperCase(),
    fixture.cluster,
    `luna.${fixture.cluster}`,
    `${victim}.${fixture.cluster}`,
  ];
  for (const name of taken) {
    const error = await assertRejects(() => join(fixture, { name, role: "proxy" }), AppError);
    assertEquals(error.code, "bad_input", name);
    const asPublic = await assertRejects(
      () => join(fixture, { name: "mars", role: "proxy", publicNames: [name] }),
      AppError,
    );
    assertEquals(asPublic.code, "bad_input", name);
  }
});
