/**
 * Logging in with a certificate whose key an ssh-agent holds.
 * @module
 */
import type { Agent } from "./agent.ts";
import type { Certificate } from "./certificate.ts";
import type { RemoteCredential } from "./ssh2/user_certificate.ts";

export type { RemoteCredential } from "./ssh2/user_certificate.ts";

/** The agent's key for `certificate`, which it must list. */
export function agentCredential(agent: Agent, certificate: Certificate): RemoteCredential {
  return { certificate, sign: (data, algorithm) => agent.sign(certificate.blob, data, algorithm) };
}
