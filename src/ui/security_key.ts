/**
 * Security keys, as this browser reaches them (Web Authentication).
 * @module
 */
import type { KeyChallenge, RegistrationOptions } from "../model/security_key.ts";
import { requestJson } from "./request.ts";

const NO_SUPPORT = "This browser does not know security keys; use a recent Chrome, Edge, Firefox or Safari";

/** Asks a user's key to prove that it is there. @throws {Error} with a text for people */
export async function proveByKey(user: string): Promise<unknown> {
  const { publicKey: options } = await requestJson<KeyChallenge>("/u2f/signrequest", {
    method: "POST",
    body: { user },
    loggingIn: true,
  });
  if (!globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) throw new Error(NO_SUPPORT);
  return await answer(options.rpId, () =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
    }));
}

/** Registers a key. @throws {Error} with a text for people */
export async function registerKey(options: RegistrationOptions): Promise<unknown> {
  if (!globalThis.PublicKeyCredential?.parseCreationOptionsFromJSON) throw new Error(NO_SUPPORT);
  return await answer(options.rp.id, () =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON({ ...options }),
    }));
}

async function answer(host: string, ask: () => Promise<Credential | null>): Promise<unknown> {
  let credential: Credential | null;
  try {
    credential = await ask();
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    throw new Error(
      name === "SecurityError"
        ? `security keys of this cluster are used at https://${host} only; open this page there`
        : "no security key of yours has answered; plug it in, try again, and touch it when it blinks",
      { cause: error },
    );
  }
  if (credential instanceof PublicKeyCredential) return credential.toJSON();
  throw new Error("the browser gave no answer of a security key");
}
