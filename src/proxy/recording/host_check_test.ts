import { assertThrows } from "@std/assert";
import { AppError } from "../../base/errors.ts";
import { EXTENSION } from "../../model/authority.ts";
import type { ServerRecord } from "../../model/server.ts";
import { type Certificate, issueCertificate } from "../../ssh/certificate.ts";
import { generateKey } from "../../ssh/private_key.ts";
import type { Target } from "../route.ts";
import { hostCheck } from "./host_check.ts";

const ID = "5b5cbd5a-1f55-4a62-8d5a-4a4c0d6e2f10";
const OTHER = "00000000-0000-4000-8000-000000000000";
const [ca, foreign, key] = [generateKey(), generateKey(), generateKey()];
const trust = () => ({ cluster: "main", user: [], host: [ca.publicKey] });
const NOW = 1_000_000;

function shown(
  { principals = ["sshd.example.com"], role, id = "x", signer = ca, validBefore = Infinity }: {
    principals?: string[];
    role?: string;
    id?: string;
    signer?: typeof ca;
    validBefore?: number;
  } = {},
): Certificate {
  const extensions: Record<string, string> = role === undefined
    ? {}
    : { [EXTENSION.hostRole]: role, [EXTENSION.cluster]: "main" };
  return issueCertificate(signer, {
    kind: "host",
    key: key.publicKey,
    keyId: id,
    principals,
    validAfter: 0,
    validBefore,
    extensions,
  });
}

const open = () => Promise.reject(new Error("nobody connects"));
const stranger: Target = { host: "SSHD.example.com", address: "192.0.2.7:22", open };
const record: ServerRecord = {
  id: ID,
  role: "node",
  name: "luna",
  address: "192.0.2.7:3022",
  labels: {},
  version: "1",
  lastSeen: 1,
};
const node: Target = { host: "luna", address: record.address, node: record, open };
const check = (target: Target, strict = true) => hostCheck(target, { trust, now: NOW, strict });

function refused(target: Target, certificate: Certificate, why: string): void {
  assertThrows(() => check(target).verifyHost(certificate), AppError, why);
}

Deno.test("a server that is no node shows a certificate of the cluster with its name", () => {
  check(stranger).verifyHost(shown());
  refused(
    stranger,
    shown({ principals: ["other.example.com"] }),
    "is not among the certificate's principals",
  );
  refused(stranger, shown({ signer: foreign }), "is not trusted for hosts");
  refused(stranger, shown({ validBefore: 1 }), "expired");
  const { verifyHostKey } = check(stranger);
  assertThrows(
    () => verifyHostKey?.(key.publicKey),
    AppError,
    "remote host presented a public key, expected a host certificate",
  );
});

Deno.test("what a proxy was given to stand in for a host does not make it that host for another proxy", () => {
  for (const role of ["proxy", "auth", "admin"]) {
    refused(stranger, shown({ role, id: ID }), `the host is a ${role} of the cluster`);
  }
  check(stranger).verifyHost(shown({ role: "node", id: ID }));
});

Deno.test("a node shows the certificate of its id, also where others are not checked", () => {
  const own = shown({ role: "node", id: ID, principals: [ID, "luna"] });
  check(node).verifyHost(own);
  check(node, false).verifyHost(own);
  refused(node, shown({ role: "node", id: OTHER, principals: [OTHER, "luna"] }), "principals");
  refused(node, shown({ role: "node", id: OTHER, principals: [ID, "luna"] }), `the host is ${OTHER}`);
  refused(node, shown({ role: "proxy", id: ID, principals: [ID] }), "the host is a proxy");
  refused(node, shown({ principals: [ID] }), "names no role");
  assertThrows(() => check(node, false).verifyHostKey?.(key.publicKey), AppError, "public key");
});

Deno.test("without the check a server that is no node is believed whatever it shows", () => {
  const { verifyHost, verifyHostKey } = check(stranger, false);
  verifyHost(shown({ signer: foreign, principals: ["x"] }));
  verifyHostKey?.(key.publicKey);
});
