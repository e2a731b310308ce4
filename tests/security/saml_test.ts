/** Attacks on SAML logins: wrapped and forged signatures, answers meant for others, XML that does more than it says. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { HOUR, MINUTE } from "../../src/base/duration.ts";
import { systemClock } from "../../src/base/clock.ts";
import { makeSigningKey } from "../../src/auth/login/sso/saml/signing_key.ts";
import { ACS, AuthWithSaml, BROWSER } from "../kit/sso/auth_with_saml.ts";
import { encoded, type Said, SamlIdp } from "../kit/sso/saml_idp.ts";

const SHA1 = {
  method: "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
  digest: "http://www.w3.org/2000/09/xmldsig#sha1",
};

/** The signature out of a signed text, and the text without it. */
function apart(xml: string): { signature: string; rest: string } {
  const [signature = ""] = /<ds:Signature .*<\/ds:Signature>/s.exec(xml) ?? [];
  return { signature, rest: xml.replace(signature, "") };
}

/** The assertion of an attacker who is to become somebody else. */
const evil = (said: Said): Said => ({ ...said, id: "_evil", nameId: "ceo@example.com" });

type Forgery = (said: Said, idp: SamlIdp) => string;

/** After "On Breaking SAML: Be Whoever You Want to Be" (USENIX Security 2012), and what was found since. */
const WRAPPINGS: Record<string, Forgery> = {
  "1: a forged response around the signed one, in its signature": (said, idp) => {
    const whole = idp.sign(idp.response(idp.assertion(said), said), "Response");
    const { signature } = apart(whole);
    const wrapped = signature.replace(
      "</ds:Signature>",
      `<ds:Object>${apart(whole).rest}</ds:Object></ds:Signature>`,
    );
    return idp.response(idp.assertion(evil(said)), said).replace(
      "</saml:Issuer>",
      `</saml:Issuer>${wrapped}`,
    );
  },
  "2: the signed response beside the forged one's signature": (said, idp) => {
    const whole = idp.sign(idp.response(idp.assertion(said), said), "Response");
    const { signature, rest } = apart(whole);
    return idp.response(idp.assertion(evil(said)), said)
      .replace("</saml:Issuer>", `</saml:Issuer>${signature}`)
      .replace("</samlp:Response>", `${rest}</samlp:Response>`);
  },
  "3: a forged assertion before the signed one": (said, idp) =>
    idp.response(idp.assertion(evil(said)) + idp.sign(idp.assertion(said)), said),
  "4: the signed assertion inside of the forged one": (said, idp) =>
    idp.response(
      idp.assertion(evil(said)).replace(
        "</saml:Assertion>",
        `${idp.sign(idp.assertion(said))}</saml:Assertion>`,
      ),
      said,
    ),
  "5: the forged assertion with the signature, the signed one at the end": (said, idp) => {
    const { signature, rest } = apart(idp.sign(idp.assertion(said)));
    const forged = idp.assertion(evil(said)).replace("</saml:Issuer>", `</saml:Issuer>${signature}`);
    return idp.response(forged + rest, said);
  },
  "6: the signed assertion within the signature of the forged one": (said, idp) => {
    const { signature, rest } = apart(idp.sign(idp.assertion(said)));
    const wrapped = signature.replace("</ds:Signature>", `<ds:Object>${rest}</ds:Object></ds:Signature>`);
    return idp.response(
      idp.assertion(evil(said)).replace("</saml:Issuer>", `</saml:Issuer>${wrapped}`),
      said,
    );
  },
  "7: the signed assertion in Extensions": (said, idp) => {
    const signed = idp.sign(idp.assertion(said));
    const extensions = `<samlp:Extensions>${signed}</samlp:Extensions>`;
    return idp.response(idp.assertion(evil(said)), said).replace(
      "<samlp:Status>",
      `${extensions}<samlp:Status>`,
    );
  },
  "8: the signed assertion in an Object of a second signature": (said, idp) => {
    const signed = idp.sign(idp.assertion(said));
    const { signature } = apart(signed);
    const carrier = signature.replace("</ds:Signature>", `<ds:Object>${signed}</ds:Object></ds:Signature>`);
    return idp.response(
      idp.assertion(evil(said)).replace("</saml:Issuer>", `</saml:Issuer>${carrier}`),
      said,
    );
  },
  "9: the same id twice": (said, idp) => {
    const signed = idp.sign(idp.assertion(said));
    return idp.response(idp.assertion({ ...evil(said), id: said.id }) + signed, said);
  },
  "10: the id again, under a name in another case": (said, idp) => {
    const { signature, rest } = apart(idp.sign(idp.assertion(said)));
    const forged = idp.assertion({ ...evil(said), id: said.id }).replace(
      "</saml:Issuer>",
      `</saml:Issuer>${signature}`,
    );
    return idp.response(forged, said).replace(
      "<samlp:Status>",
      `<samlp:Extensions>${rest.replace(/ ID="/, ' Id="')}</samlp:Extensions><samlp:Status>`,
    );
  },
  "11: two references, the second to the forged assertion": (said, idp) => {
    const signed = idp.sign(idp.assertion(said));
    const [reference = ""] = /<ds:Reference .*<\/ds:Reference>/s.exec(signed) ?? [];
    return idp.response(signed.replace(reference, reference + reference.replace(said.id, "_evil")), said);
  },
  "12: the name changed after signing": (said, idp) =>
    idp.response(idp.sign(idp.assertion(said)).replace("joe@example.com", "ceo@example.com"), said),
  "13: a second NameID in the subject, signed as one text": (said, idp) =>
    idp.response(
      idp.sign(idp.assertion(said)).replace(
        "<saml:NameID>",
        "<saml:NameID>ceo@example.com</saml:NameID><saml:NameID>",
      ),
      said,
    ),
  "14: no signature at all": (said, idp) => idp.response(idp.assertion(evil(said)), said),
  "15: an empty signature": (said, idp) =>
    idp.response(
      idp.assertion(evil(said)).replace(
        "</saml:Issuer>",
        `</saml:Issuer><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>`,
      ),
      said,
    ),
  "16: a signature of which every part is taken out": (said, idp) => {
    const signed = idp.sign(idp.assertion(said));
    return idp.response(signed.replace(/<ds:Reference .*<\/ds:Reference>/s, ""), said);
  },
  "17: the root element of another kind around it all": (said, idp) =>
    `<x:Wrapper xmlns:x="urn:x">${idp.response(idp.sign(idp.assertion(said)), said)}</x:Wrapper>`,
};

Deno.test("SAML: what a signature does not cover is never believed, however it is wrapped", async (t) => {
  await using saml = await AuthWithSaml.open();
  for (const [name, forge] of Object.entries(WRAPPINGS)) {
    await t.step(name, async () => {
      const finished = await saml.attempt({}, (said, idp) => encoded(forge(said, idp)));
      assertEquals(finished, { result: "failed", why: "invalid" });
      assertEquals(await saml.auth.users.get("ceo@example.com"), undefined);
    });
  }
  await t.step(
    "and the same provider's plain answers are taken: signed assertion, and signed response",
    async () => {
      assertEquals((await saml.attempt({})).result, "web");
      const signedWhole: Forgery = (said, idp) =>
        encoded(idp.sign(idp.response(idp.assertion(said), said), "Response"));
      assertEquals((await saml.attempt({}, signedWhole)).result, "web");
      const both: Forgery = (said, idp) =>
        encoded(idp.sign(idp.response(idp.sign(idp.assertion(said)), said), "Response"));
      assertEquals((await saml.attempt({}, both)).result, "web");
    },
  );
  await t.step("a comment in a name cuts nothing off", async () => {
    const answer = await saml.attempt({ nameId: "joe@example.com<!-- -->.evil.example" });
    assertEquals(answer.result === "web" && answer.user, "joe@example.com.evil.example");
  });
});

Deno.test("SAML: signatures of other keys, weak or foreign algorithms are refused", async () => {
  await using saml = await AuthWithSaml.open();
  const keys = await makeSigningKey(systemClock);
  const cases: [string, Forgery, RegExp][] = [
    [
      "another key, its certificate beside it",
      (said, idp) => idp.response(idp.sign(idp.assertion(said), "Assertion", { keys }), said),
      /no key of the provider/,
    ],
    [
      "SHA-1",
      (said, idp) => idp.response(idp.sign(idp.assertion(said), "Assertion", SHA1), said),
      /algorithm/,
    ],
    [
      "a digest by SHA-1",
      (said, idp) => idp.response(idp.sign(idp.assertion(said), "Assertion", { digest: SHA1.digest }), said),
      /digest/,
    ],
    ["an HMAC with the public certificate as the key", (said, idp) =>
      idp.response(
        idp.sign(idp.assertion(said)).replace(/xmldsig-more#rsa-sha256/, "xmldsig-more#hmac-sha256"),
        said,
      ), /algorithm/],
    ["a transform that selects", (said, idp) =>
      idp.response(
        idp.sign(idp.assertion(said)).replace(
          "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
          "http://www.w3.org/TR/1999/REC-xslt-19991116",
        ),
        said,
      ), /transforms/],
    ["a canonical form with comments", (said, idp) =>
      idp.response(
        idp.sign(idp.assertion(said)).replaceAll("xml-exc-c14n#", "xml-exc-c14n#WithComments"),
        said,
      ), /canonical form|transforms/],
    [
      "a reference to the whole document",
      (said, idp) => idp.response(idp.sign(idp.assertion(said)).replace(`URI="#${said.id}"`, `URI=""`), said),
      /another element/,
    ],
  ];
  for (const [name, forge, reason] of cases) {
    const finished = await saml.attempt({}, (said, idp) => encoded(forge(said, idp)));
    assertEquals(finished, { result: "failed", why: "invalid" }, name);
    assertMatch(await saml.reason(), reason, name);
  }
});

Deno.test("SAML: an answer for another login, audience, address, issuer or time is refused", async () => {
  await using saml = await AuthWithSaml.open();
  const now = Date.now();
  const cases: [Partial<Said>, RegExp][] = [
    [{ requestId: "_another" }, /another request/],
    [{ audience: "https://other.example/sp" }, /meant for https:\/\/other/],
    [{ recipient: "https://other.example/acs" }, /another address/],
    [{ destination: "https://other.example/acs" }, /sent elsewhere/],
    [{ issuer: "https://other.example/idp" }, /another issuer/],
    [{ notOnOrAfter: now - 2 * MINUTE }, /expired/],
    [{ notBefore: now + 5 * MINUTE }, /not valid yet/],
    [{ notOnOrAfter: now - 10 * HOUR, notBefore: now - 11 * HOUR }, /expired/],
    [{ nameId: "" }, /names nobody/],
  ];
  for (const [change, reason] of cases) {
    const finished = await saml.attempt(change);
    assertEquals(finished, { result: "failed", why: "invalid" }, String(reason));
    assertMatch(await saml.reason(), reason);
  }
  const without: [string, RegExp][] = [
    [' InResponseTo="[^"]*" NotOnOrAfter', /another request, or none/],
    ["<saml:AudienceRestriction>.*</saml:AudienceRestriction>", /no audience/],
    ["<saml:SubjectConfirmation .*</saml:SubjectConfirmation>", /nothing confirms/],
    ["<saml:Conditions .*</saml:Conditions>", /no Conditions/],
    [' Recipient="[^"]*"', /another address/],
  ];
  for (const [part, reason] of without) {
    const finished = await saml.attempt({}, (said, idp) => {
      const cut = idp.assertion(said).replace(
        new RegExp(part),
        part.includes("NotOnOrAfter") ? " NotOnOrAfter" : "",
      );
      return encoded(idp.response(idp.sign(cut), said));
    });
    assertEquals(finished, { result: "failed", why: "invalid" }, part);
    assertMatch(await saml.reason(), reason);
  }
});

Deno.test("SAML: an answer works once, in the browser the login began in, for its own kind of login", async () => {
  await using saml = await AuthWithSaml.open();
  const request = await saml.begin();
  const answer = saml.idp.answer(saml.idp.said(request));
  assertEquals((await saml.finish(answer, request.relayState)).result, "web");
  assertEquals(
    await saml.finish(answer, request.relayState),
    { result: "failed", why: "expired" },
    "a replay",
  );
  const second = await saml.begin();
  assertEquals(
    await saml.finish(answer, second.relayState),
    { result: "failed", why: "invalid" },
    "an old answer in a new login",
  );
  const third = await saml.begin();
  assertEquals(
    await saml.finish(saml.idp.answer(saml.idp.said(third)), third.relayState, "c".repeat(64)),
    { result: "failed", why: "expired" },
    "somebody else's login in this browser",
  );
  assertEquals(await saml.finish(answer, "x".repeat(43)), { result: "failed", why: "expired" });
  assertEquals(await saml.finish(answer, ""), { result: "failed", why: "expired" }, "nobody asked for it");
  const fourth = await saml.begin();
  const asOidc = await saml.auth.sso.finish(
    "oidc",
    { state: fourth.relayState, code: "x" },
    BROWSER,
    "10.1.1.1",
  );
  assertEquals(asOidc, { result: "failed", why: "expired" }, "begun with another sort of provider");
});

Deno.test("SAML: XML with entities, a document type, instructions, or that never ends is refused at once", async () => {
  await using saml = await AuthWithSaml.open();
  const bomb = `<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">${
    Array.from({ length: 20 }, (_, i) => `<!ENTITY a${i + 1} "&a${i === 0 ? "" : i};&a${i === 0 ? "" : i};">`)
      .join("")
  }]><r>&a20;</r>`;
  const texts = [
    bomb,
    `<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>`,
    `<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>`,
    `<?xml-stylesheet href="https://evil.example/x.xsl"?><r/>`,
    "<r>".repeat(50_000),
    `<r>${"<r/>".repeat(45_000)}</r>`,
    `${"<r>".repeat(500)}${"</r>".repeat(500)}`,
    "<r",
    "",
    "no xml at all",
    "<r>\u0000</r>",
    "<r>&unknown;</r>",
  ];
  for (const text of texts) {
    const request = await saml.begin();
    const finished = await saml.finish(encoded(text), request.relayState);
    assertEquals(finished, { result: "failed", why: "invalid" }, text.slice(0, 60));
  }
  const prefixed: [string, string][] = [
    ["a document type", "<!DOCTYPE Response>"],
    ["entities", `<!DOCTYPE Response [<!ENTITY x "y">]>`],
    ["an instruction", "<?php evil?>"],
  ];
  for (const [name, prefix] of prefixed) {
    const finished = await saml.attempt(
      {},
      (said, idp) => encoded(prefix + idp.response(idp.sign(idp.assertion(said)), said)),
    );
    assertEquals(finished, { result: "failed", why: "invalid" }, `${name} before what is good`);
  }
  const request = await saml.begin();
  assertEquals(await saml.finish("%%%", request.relayState), { result: "failed", why: "invalid" });
  assertEquals(await saml.auth.users.list(), []);
});

Deno.test("SAML: the provider's groups become roles and its attributes traits; our request is signed", async () => {
  await using saml = await AuthWithSaml.open();
  const request = await saml.begin();
  assertEquals([request.acs, request.issuer], [ACS, ACS]);
  assertStringIncludes(request.xml, `Destination="https://idp.example/sso"`);
  const said = saml.idp.said(request, { attributes: { unix: ["joe", "bad,login"], "__proto__": ["x"] } });
  const finished = await saml.finish(saml.idp.answer(said), request.relayState);
  assertEquals([finished.result, finished.result === "web" && finished.returnTo], ["web", "/web/nodes"]);
  const user = await saml.auth.users.get("joe@example.com");
  assertEquals([user?.roles, user?.traits.unix], [["ops"], ["joe", "bad,login"]]);
  assertEquals(user && (await saml.auth.rights.ofUser(user)).logins().toSorted(), ["joe", "root"]);
  assertEquals(await saml.attempt({ groups: ["users"] }), { result: "failed", why: "unmapped" });
  assertEquals(await saml.attempt({ nameId: "joe,root@example.com" }), { result: "failed", why: "name" });
});
