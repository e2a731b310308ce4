/**
 * Resources as text: what new ones begin as, and what there is to say about one in a line.
 * @module
 */
import type { ResourceDocument } from "../../model/resource/envelope.ts";
import type { Kind } from "../../model/resource/kinds.ts";
import { isObject } from "../../model/resource/tidy.ts";

/** What an editor for a new resource begins with. */
export const TEMPLATES: Readonly<Partial<Record<Kind, string>>> = {
  role: `kind: role
version: v3
metadata:
  name: new-role
spec:
  options:
    max_session_ttl: 12h
  allow:
    logins: ["{{internal.logins}}"]
    node_labels:
      "*": "*"
    rules: []
  deny: {}
`,
  github: `kind: github
version: v3
metadata:
  name: github
spec:
  client_id: CLIENT-ID
  client_secret: CLIENT-SECRET
  redirect_url: https://PROXY:3080/v1/webapi/github/callback
  display: GitHub
  teams_to_logins:
    - organization: ORGANIZATION
      team: TEAM
      logins: [root]
`,
  oidc: `kind: oidc
version: v2
metadata:
  name: oidc
spec:
  issuer_url: https://accounts.example.com
  client_id: CLIENT-ID
  client_secret: CLIENT-SECRET
  redirect_url: https://PROXY:3080/v1/webapi/oidc/callback
  display: Single sign-on
  scope: [email]
  claims_to_roles:
    - claim: group
      value: admins
      roles: [admin]
`,
  saml: `kind: saml
version: v2
metadata:
  name: saml
spec:
  acs: https://PROXY:3080/v1/webapi/saml/acs
  display: Single sign-on
  attributes_to_roles:
    - name: groups
      value: admins
      roles: [admin]
  entity_descriptor: |
    PASTE-XML-HERE
`,
  trusted_cluster: `kind: trusted_cluster
version: v2
metadata:
  name: root-cluster
spec:
  enabled: true
  token: JOIN-TOKEN
  tunnel_addr: root.example.com:3024
  web_proxy_addr: root.example.com:3080
  role_map:
    - remote: admin
      local: [admin]
`,
};

/** One line about a resource, out of what it specifies. */
export function summaryOf({ spec = {} }: ResourceDocument): string {
  const { allow } = spec;
  if (isObject(allow)) {
    const logins = Array.isArray(allow.logins) ? allow.logins.join(", ") : "";
    const labels = isObject(allow.node_labels)
      ? Object.entries(allow.node_labels).map(([key, value]) => `${key}: ${String(value)}`).join(", ")
      : "";
    const rules = Array.isArray(allow.rules) ? allow.rules.length : 0;
    return [
      logins && `logins ${logins}`,
      labels && `nodes ${labels}`,
      rules > 0 && `${rules} ${rules === 1 ? "rule" : "rules"}`,
    ].filter(Boolean).join(" · ");
  }
  const words = [spec.display, spec.issuer_url, spec.web_proxy_addr, spec.tunnel_addr];
  return words.filter((word) => typeof word === "string" && word !== "").join(" · ");
}

/** The number of the line that a message speaks of: `line 3`, or the field that it names. */
export function lineOf(message: string, text: string): number | undefined {
  const told = /\bline (\d{1,6})\b/i.exec(message);
  if (told) return Number(told[1]);
  const lines = text.split("\n");
  // The last key of a path like `spec.allow.logins[0]` is where the eye should go.
  for (const [path] of message.matchAll(/[A-Za-z_][\w*]*(?:\.[\w*]+|\[\d+\])*/g)) {
    const key = path.replace(/\[\d+\]$/, "").split(".").at(-1);
    if (key === undefined || key.length < 3) continue;
    const at = lines.findIndex((line) => line.trimStart().replace(/^- /, "").startsWith(`${key}:`));
    if (at >= 0) return at + 1;
  }
  return undefined;
}
