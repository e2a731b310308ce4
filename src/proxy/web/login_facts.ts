/**
 * How users log in, as `/webapi/ping` tells it.
 * @module
 */
import type { Output } from "../../api/contract.ts";
import { defaultConnector } from "../../model/sso.ts";
import type { PingReply } from "./webapi.ts";

type Facts = Pick<PingReply["auth"], "type" | "github" | "oidc" | "saml" | "connectors">;

export function loginFacts(
  { login, connectors }: Pick<Output<"cluster.get">, "login" | "connectors">,
): Facts {
  const listed = connectors.map(({ kind, name, display }) => ({ type: kind, name, display }));
  const first = defaultConnector(login, connectors);
  return {
    type: login.type,
    ...(first ? { [first.kind]: { name: first.name, display: first.display } } : {}),
    ...(listed.length > 0 ? { connectors: listed } : {}),
  };
}
