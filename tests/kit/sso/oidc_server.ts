/**
 * A certified OpenID provider (the npm package `oidc-provider`) on this machine, with accounts for tests.
 * @module
 */
import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { Provider } from "oidc-provider";
import type { Seen } from "./walking_browser.ts";

export const CLIENT = { id: "teleport", secret: `${randomBytes(12).toString("hex")}:/+%&=` };

/** Claims by the account's id. */
export type Accounts = Record<string, Record<string, unknown>>;

export class OidcServer implements AsyncDisposable {
  private constructor(readonly server: Server, readonly issuer: string) {}

  static async start(proxy: string, accounts: Accounts): Promise<OidcServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const issuer = `http://127.0.0.1:${port}`;
    const provider = new Provider(issuer, {
      clients: [{
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [`https://${proxy}/v1/webapi/oidc/callback`],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      }],
      scopes: ["openid", "email", "groups"],
      claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
      cookies: { keys: [randomBytes(16).toString("hex")] },
      pkce: { required: () => true },
      features: { devInteractions: { enabled: true } },
      // Claims are at the userinfo endpoint, and not in the token: as the standard has it.
      findAccount: (_context: unknown, id: string) => ({
        accountId: id,
        claims: () => ({ sub: id, ...accounts[id] }),
      }),
    });
    server.on("request", provider.callback());
    return new OidcServer(server, issuer);
  }

  connector(proxy: string, spec: Record<string, unknown> = {}, name = "corp") {
    return {
      kind: "oidc",
      version: "v2",
      metadata: { name },
      spec: {
        issuer_url: this.issuer,
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_url: `https://${proxy}/v1/webapi/oidc/callback`,
        display: "Corp",
        scope: ["groups"],
        claims_to_roles: [{ claim: "groups", value: "admins", roles: ["ops"] }],
        ...spec,
      },
    };
  }

  /** What a person does with the provider's pages: logs in as this account, and agrees. */
  person(account: string): (page: Seen) => { url: string; form: Record<string, string> } | undefined {
    return (page) => {
      const action = /<form[^>]* action="([^"]+)"/.exec(page.text)?.[1];
      if (!page.url.startsWith(this.issuer) || action === undefined) return undefined;
      const prompt = /name="prompt" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
      const form: Record<string, string> = prompt === "login"
        ? { prompt, login: account, password: "x" }
        : { prompt };
      return { url: new URL(action, page.url).href, form };
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}
