/**
 * Resources: rights for each kind, verb and resource, and an event for each change and each look at secrets.
 * @module
 */
import { allowed, demand } from "../../api/access.ts";
import { refusalIsLogged } from "../../api/refusal.ts";
import type { resourceCalls } from "../../api/contract/resources.ts";
import type { CallContext, Handlers } from "../../api/serve.ts";
import { isAppError } from "../../base/errors.ts";
import type { EventName, EventValue } from "../../model/event.ts";
import { describe } from "../../model/identity.ts";
import type { ResourceDocument } from "../../model/resource/envelope.ts";
import type { Kind } from "../../model/resource/kinds.ts";
import { parseDocument } from "../../model/resource/parse.ts";
import { shownAs } from "../../model/resource/shown.ts";
import type { Verb } from "../../model/role.ts";
import type { AuthService } from "../service.ts";
import { authorName } from "./users.ts";

type Change = "create" | "update" | "delete";

export function resourceHandlers(auth: AuthService): Pick<Handlers, keyof typeof resourceCalls> {
  const { resources, audit } = auth;
  const emit = (
    event: EventName,
    { identity, address }: CallContext,
    more: Record<string, EventValue | undefined>,
  ) => audit.emit({ event, user: describe(identity), "addr.remote": address, ...more });

  /** Users have events of their own name, as those of `tctl users` do. */
  const changed = (change: Change, kind: Kind, name: string, context: CallContext): Promise<void> => {
    const by = describe(context.identity);
    return kind === "user"
      ? emit(`user.${change}`, context, { user: name, by, kind, name })
      : emit(`resource.${change}`, context, { kind, name });
  };

  /** As `demand`, with the refusal in the log. */
  const need = async (context: CallContext, kind: Kind, verb: Verb, resource?: ResourceDocument) => {
    try {
      demand(context, kind, verb, resource && { resource });
    } catch (error) {
      if (isAppError(error, "access_denied")) {
        const name = resource?.metadata.name;
        await emit("auth", context, { success: false, error: error.message, kind, name });
        refusalIsLogged(error);
      }
      throw error;
    }
  };

  const needSome = async (context: CallContext, kind: Kind, verb: Verb) => {
    if (!mayForSome(context, kind, verb)) await need(context, kind, verb);
  };

  /** Those of a name; who may not do this to any of the kind is not told whether there is one. */
  const find = async (context: CallContext, kind: Kind, name: string, verb: Verb) => {
    const found = await resources.find(kind, name, false);
    if (found.length === 0) await need(context, kind, verb);
    for (const resource of found) await need(context, kind, verb, resource);
    return found;
  };

  return {
    "resources.list": async ({ kind, withSecrets = false }, context) => {
      const verbs: readonly Verb[] = ["list", withSecrets ? "read" : "readnosecrets"];
      const shown = (await resources.list(kind, false))
        .filter((resource) => verbs.every((verb) => allowed(context, kind, verb, { resource })));
      if (shown.length === 0) {
        for (const verb of verbs) await needSome(context, kind, verb);
      }
      if (!withSecrets) return shown;
      const visible = new Set(shown.map(identityOf));
      const secret = (await resources.list(kind, true)).filter((resource) =>
        visible.has(identityOf(resource))
      );
      await emit("resource.secrets", context, { kind, count: secret.length });
      return secret;
    },
    "resources.get": async ({ kind, name, withSecrets = false }, context) => {
      await find(context, kind, name, withSecrets ? "read" : "readnosecrets");
      const found = await resources.get(kind, name, withSecrets);
      if (withSecrets) await emit("resource.secrets", context, { kind, name });
      return found;
    },
    "resources.put": async ({ document, mode }, context) => {
      const given = parseDocument(document);
      const { kind, metadata: { name } } = given;
      const [author, now] = [authorName(context.identity), auth.clock.now()];
      // Who may do neither is not told which of both it would have been.
      if (!mayForSome(context, kind, "update")) await needSome(context, kind, "create");
      const existing = await resources.existing(given);
      const verb = existing ? "update" : "create";
      // Both as it is and as it is to be: or else a change could lead out of the caller's reach, or into it.
      if (existing) await need(context, kind, verb, existing);
      await need(context, kind, verb, shownAs(given, now));
      const outcome = await resources.put(given, mode, { existing, author, now });
      if (outcome.change !== "unchanged") {
        await changed(outcome.change === "created" ? "create" : "update", kind, name, context);
      }
      return outcome;
    },
    "resources.remove": async ({ kind, name }, context) => {
      await find(context, kind, name, "delete");
      await resources.remove(kind, name);
      await changed("delete", kind, name, context);
      return {};
    },
  };
}

function mayForSome({ identity, rights }: CallContext, kind: Kind, verb: Verb): boolean {
  return identity.kind === "host" || rights?.mayForSome(kind, verb) === true;
}

/** Names are unique within a kind, but for the two certificate authorities. */
function identityOf({ metadata, spec }: ResourceDocument): string {
  return `${metadata.name} ${String(spec?.type ?? "")}`;
}
