/**
 * Join tokens as resources, those of the configuration file apart.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { document, type ResourceDocument } from "../../model/resource/envelope.ts";
import type { ParsedDocument } from "../../model/resource/parse.ts";
import { type JoinToken, type JoinTokens, tokenName } from "../join/tokens.ts";
import { type Outcome, type RemovableKind, saysTheSame, type WritableKind } from "./kind.ts";

export function tokenDocument(token: JoinToken, withSecrets: boolean): ResourceDocument {
  const { token: value, roles, expires } = token;
  return document("token", { name: tokenName(token), expires }, {
    spec: { roles, ...(withSecrets ? { token: value } : {}) },
  });
}

export class TokenResources implements WritableKind<"token">, RemovableKind {
  constructor(readonly tokens: JoinTokens) {}

  async #active(): Promise<JoinToken[]> {
    return (await this.tokens.active()).filter((token) => !token.static);
  }

  async list(withSecrets: boolean): Promise<ResourceDocument[]> {
    return (await this.#active()).map((token) => tokenDocument(token, withSecrets));
  }

  async get(name: string, withSecrets: boolean): Promise<ResourceDocument[]> {
    const found = (await this.#active()).filter((token) => tokenName(token) === name);
    return found.map((token) => tokenDocument(token, withSecrets));
  }

  async put({ metadata, spec }: ParsedDocument<"token">): Promise<Outcome> {
    const { name, expires } = metadata;
    const { roles } = spec;
    const before = (await this.#active()).find((known) => tokenName(known) === name);
    const token = spec.token ?? before?.token;
    if (token === undefined) {
      throw new AppError(
        "bad_input",
        `token "${name}" has no spec.token: its value is shown by "tctl get --with-secrets", and "tctl tokens add" makes ` +
          "a new one",
      );
    }
    if (expires === undefined) {
      throw new AppError(
        "bad_input",
        `token "${name}" has no metadata.expires: a token for good belongs into the configuration file`,
      );
    }
    if (!before) {
      await this.tokens.add({ token, name, roles, expires });
      return { change: "created" };
    }
    if (before.token !== token) {
      throw new AppError("bad_input", `token "${name}" has another value: remove it, or choose another name`);
    }
    if (saysTheSame([roles, expires], [before.roles, before.expires])) return { change: "unchanged" };
    await this.tokens.replace({ token, name, roles, expires });
    return { change: "updated" };
  }

  async remove(name: string): Promise<boolean> {
    const found = (await this.#active()).find((token) => tokenName(token) === name);
    return found !== undefined && await this.tokens.remove(found.token);
  }
}
