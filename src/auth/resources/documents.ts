/**
 * Kinds that are stored as they are written: connectors and other clusters. A secret that a document leaves out stays as
 * it was, so that what was read without secrets can be written back.
 * @module
 */
import { AppError } from "../../base/errors.ts";
import { described, document, type ResourceDocument } from "../../model/resource/envelope.ts";
import { KINDS } from "../../model/resource/kinds.ts";
import { SECRET_FIELDS } from "../../model/resource/connectors.ts";
import type { CreatedKind, ParsedDocument } from "../../model/resource/parse.ts";
import { withoutSecrets } from "../../model/resource/shown.ts";
import { isObject } from "../../model/resource/tidy.ts";
import { type Backend, type Entry, type Key, type Operation, requireFits } from "../../store/backend.ts";
import {
  conflict,
  type Outcome,
  type RemovableKind,
  requireState,
  saysTheSame,
  type WritableKind,
  type WriteContext,
} from "./kind.ts";

type Fields = Record<string, unknown>;

interface Stored {
  description?: string;
  labels?: Record<string, string>;
  spec: Fields;
  status?: Fields;
}

export type PlainKind = Extract<CreatedKind, "github" | "oidc" | "saml" | "trusted_cluster">;

type Spec<K extends PlainKind> = ParsedDocument<K>["spec"];

/** What a kind does beside being stored. */
export interface Extras<K extends PlainKind> {
  /**
   * Checks what a schema cannot, and adds what is to be made.
   * @param before what is stored, secrets and all
   * @throws {AppError} bad_input
   */
  complete?(spec: Spec<K>, before: Spec<K> | undefined): Promise<Spec<K>>;
  /** Called after every change. */
  onChange?(): void;
}

export class StoredDocuments<K extends PlainKind> implements WritableKind<K>, RemovableKind {
  constructor(
    readonly backend: Backend,
    readonly kind: K,
    readonly extras: Extras<K> = {},
  ) {}

  #key(name: string): Key {
    return ["resource", this.kind, name];
  }

  async list(withSecrets: boolean): Promise<ResourceDocument[]> {
    const entries = await this.backend.list(["resource", this.kind]);
    return entries.map((entry) => this.#document(entry, withSecrets));
  }

  async get(name: string, withSecrets: boolean): Promise<ResourceDocument[]> {
    const entry = await this.backend.get(this.#key(name));
    return entry ? [this.#document(entry, withSecrets)] : [];
  }

  #document({ key, value, version, expires }: Entry, withSecrets: boolean): ResourceDocument {
    const { spec, status, ...about }: Stored = JSON.parse(value);
    return document(this.kind, { ...about, name: key.at(-1) ?? "", expires, revision: version }, {
      spec: withSecrets ? spec : withoutSecrets(this.kind, spec),
      ...(status ? { status } : {}),
    });
  }

  #secrets(): readonly (readonly string[])[] {
    return SECRET_FIELDS[this.kind] ?? [];
  }

  async put(given: ParsedDocument<K>, { existing, now }: WriteContext): Promise<Outcome> {
    const { name, expires } = given.metadata;
    const { noun } = KINDS[this.kind];
    if (expires !== undefined && expires <= now) {
      throw new AppError(
        "bad_input",
        `${noun} "${name}" would be gone at once: metadata.expires lies in the past`,
      );
    }
    const entry = await this.backend.get(this.#key(name));
    requireState(this.kind, name, existing, entry?.version);
    const before: Stored | undefined = entry && JSON.parse(entry.value);
    const kept = before
      ? this.#secrets().reduce((fields, path) => keeping(fields, before.spec, path), given.spec as Fields)
      : given.spec;
    const { complete, onChange } = this.extras;
    const spec = complete ? await complete(kept as Spec<K>, before?.spec as Spec<K> | undefined) : kept;
    const stored: Stored = { ...described(given.metadata), spec };
    if (entry && entry.expires === expires && saysTheSame(stored, before)) {
      return { change: "unchanged" };
    }
    const value = JSON.stringify(stored);
    requireFits(value, `${noun} "${name}"`);
    const operations: Operation[] = [
      { type: "check", key: this.#key(name), version: entry?.version },
      { type: "put", key: this.#key(name), value, expires },
    ];
    if (!await this.backend.commit(operations)) throw conflict(this.kind, name);
    onChange?.();
    return { change: entry ? "updated" : "created" };
  }

  async remove(name: string): Promise<boolean> {
    if (!await this.backend.get(this.#key(name))) return false;
    const done = await this.backend.commit([{ type: "delete", key: this.#key(name) }]);
    if (done) this.extras.onChange?.();
    return done;
  }
}

/** A copy of `fields` that has the value of `before` at `path` where it has none itself. */
function keeping(fields: Fields, before: Fields, [key = "", ...below]: readonly string[]): Fields {
  const [own, old] = [fields[key], before[key]];
  if (below.length === 0) return own === undefined && old !== undefined ? { ...fields, [key]: old } : fields;
  if (!isObject(own) || !isObject(old)) return fields;
  return { ...fields, [key]: keeping(own, old, below) };
}
