import { assertEquals } from "@std/assert";
import { issueCertificate } from "../../src/ssh/certificate.ts";
import { generateKey } from "../../src/ssh/private_key.ts";
import { type Login, readLogin, readProfile, readProfiles, removeLogin, saveLogin, tshHome } from "./home.ts";

async function withHome(run: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir();
  const before = Deno.env.get("TELEPORT_HOME");
  Deno.env.set("TELEPORT_HOME", `${home}/.tsh`);
  try {
    await run(`${home}/.tsh`);
  } finally {
    if (before === undefined) Deno.env.delete("TELEPORT_HOME");
    else Deno.env.set("TELEPORT_HOME", before);
    await Deno.remove(home, { recursive: true });
  }
}

function someLogin(proxyHost: string, user = "joe"): Login {
  const [ca, key] = [generateKey(), generateKey()];
  const certificate = issueCertificate(ca, {
    kind: "user",
    key: key.publicKey,
    keyId: user,
    principals: [user],
    validAfter: 0,
    validBefore: 4_000_000_000,
  });
  const profile = { proxyHost, webPort: 3080, sshPort: 3023, user, cluster: `cluster-of-${proxyHost}` };
  return { profile, key, certificate, hostAuthorities: [ca.publicKey] };
}

Deno.test("a login is kept in private files and read back", async () => {
  await withHome(async (home) => {
    const login = someLogin("work.example.com");
    await saveLogin(login);
    assertEquals(tshHome(), home);
    assertEquals(await readProfile(), login.profile);
    const read = await readLogin(login.profile);
    assertEquals(read?.certificate.blob, login.certificate.blob);
    assertEquals(read?.key.publicKey.blob, login.key.publicKey.blob);
    assertEquals(
      read?.hostAuthorities.map((key) => key.fingerprint),
      login.hostAuthorities.map((key) => key.fingerprint),
    );
    const mode = async (path: string) => ((await Deno.stat(`${home}/${path}`)).mode ?? 0) & 0o777;
    assertEquals(await mode(""), 0o700);
    for (
      const file of [
        "keys/work.example.com/joe",
        "keys/work.example.com/joe-cert.pub",
        "known_hosts",
        "work.example.com.yaml",
      ]
    ) {
      assertEquals(await mode(file), 0o600, file);
    }
  });
});

Deno.test("logins of several proxies stand side by side, the last one first", async () => {
  await withHome(async () => {
    const [a, b] = [someLogin("a"), someLogin("b")];
    await saveLogin(a);
    await saveLogin(b);
    assertEquals((await readProfiles()).map((profile) => profile.proxyHost), ["b", "a"]);
    assertEquals((await readLogin(a.profile))?.hostAuthorities.length, 1);
    assertEquals(await removeLogin(a.profile), true);
    assertEquals(await removeLogin(a.profile), false);
    assertEquals(await readLogin(a.profile), undefined);
    assertEquals((await readLogin(b.profile))?.profile.user, "joe");
  });
});

Deno.test("a damaged profile counts as none, and the next login mends it", async () => {
  await withHome(async () => {
    const login = someLogin("a");
    await saveLogin(login);
    const file = `${tshHome()}/a.yaml`;
    const whole = await Deno.readTextFile(file);
    for (const text of ["", "garbage \n", whole.slice(0, 30), whole.replace("3080", "x")]) {
      await Deno.writeTextFile(file, text);
      assertEquals([await readProfile(), await readProfiles()], [undefined, []], text);
    }
    await saveLogin(login);
    assertEquals((await readProfile())?.proxyHost, "a");
  });
});

Deno.test("no name can lead out of the folder", async () => {
  await withHome(async (home) => {
    await saveLogin(someLogin("../../evil", "../../joe"));
    const names: string[] = [];
    for await (const entry of Deno.readDir(`${home}/keys`)) names.push(entry.name);
    assertEquals(names, ["__.._evil"]);
  });
});
