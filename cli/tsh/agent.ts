/**
 * The user's ssh-agent: certificates are loaded into it and read back. An agent that cannot take them never makes a
 * command fail.
 * @module
 */
import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { systemClock, toSeconds } from "../../src/base/clock.ts";
import { isAppError, messageOf } from "../../src/base/errors.ts";
import { AgentClient } from "../../src/ssh/agent.ts";
import { printError } from "../program.ts";
import type { Login } from "./home.ts";

function agent(): AgentClient | undefined {
  const path = Deno.env.get("SSH_AUTH_SOCK");
  if (!path) return undefined;
  return new AgentClient(() =>
    new Promise<Duplex>((resolve, reject) => {
      const socket = createConnection({ path }, () => resolve(socket));
      socket.once("error", reject);
    })
  );
}

/** Adds the login's key and certificate, and makes sure that the agent really has it. */
export async function loadIntoAgent(login: Login): Promise<void> {
  const client = agent();
  if (!client) return;
  const { certificate, key, profile } = login;
  try {
    await removeFromAgent(profile.user);
    const seconds = Math.max(1, certificate.validBefore - toSeconds(systemClock.now()));
    const taken = await client.add(key, certificate, `teleport:${profile.user}`, seconds) &&
      (await client.list()).some(({ blob }) => blob.equals(certificate.blob));
    if (!taken) {
      printError(
        "WARNING: the running ssh-agent does not take certificates (GNOME keyring?); ssh cannot use the login\n",
      );
    }
  } catch (error) {
    printError(`WARNING: the ssh-agent cannot be used: ${messageOf(error)}\n`);
  }
}

/** Removes this user's certificates, also older ones. */
export async function removeFromAgent(user: string): Promise<void> {
  const client = agent();
  if (!client) return;
  try {
    for (const { blob, comment } of await client.list()) {
      if (comment === `teleport:${user}`) await client.remove(blob);
    }
  } catch (error) {
    if (!isAppError(error) && !(error instanceof Error)) throw error; // an unreachable agent holds nothing of ours
  }
}
