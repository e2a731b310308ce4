/**
 * Keys, certificates and signatures that are the same in every run.
 * @module
 */
import seeds from "./seeds.json" with { type: "json" };

type Field = keyof (typeof seeds)["ed25519"];

export function encodeBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** One thing of each kind of key: binary ones as bytes, texts as their bytes. */
export function seedsOf(field: Field): Uint8Array[] {
  const isText = !/Blob|signature/.test(field);
  return Object.values(seeds).map((one) =>
    isText
      ? new TextEncoder().encode(one[field])
      : Uint8Array.from(atob(one[field]), (character) => character.charCodeAt(0))
  );
}

/** What encrypts the encrypted keys. */
export const PASSPHRASE = "fuzz";
