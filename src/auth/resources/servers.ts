/**
 * Running servers as resources: the same records as `tctl nodes ls` shows.
 * @module
 */
import type { JoinRole } from "../../model/identity.ts";
import { document, type ResourceDocument } from "../../model/resource/envelope.ts";
import type { Kind } from "../../model/resource/kinds.ts";
import type { Presence } from "../presence.ts";
import type { ReadableKind } from "./kind.ts";

export class ServerResources implements ReadableKind {
  constructor(readonly presence: Presence, readonly kind: Kind, readonly role: JoinRole) {}

  list(): Promise<ResourceDocument[]> {
    const documents = this.presence.list(this.role).map(({ id, name, address, labels, version }) =>
      document(this.kind, { name: id, namespace: "default", labels }, {
        spec: { addr: address, hostname: name, version, rotation: { state: "standby" } },
      })
    );
    return Promise.resolve(documents);
  }

  /** By uuid or by name. */
  async get(name: string): Promise<ResourceDocument[]> {
    const all = await this.list();
    return all.filter(({ metadata, spec }) => metadata.name === name || spec?.hostname === name);
  }
}
