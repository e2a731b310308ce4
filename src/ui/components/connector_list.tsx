/**
 * One button for each way to sign in elsewhere. They are links: where they lead is another site.
 * @module
 */

/** A connector as the proxy tells of it before anybody is logged in. */
export interface ConnectorItem {
  type: "github" | "oidc" | "saml";
  name: string;
  display: string;
}

/** @param returnTo the path below `/web` that the login leads to */
export function ConnectorList({ connectors, returnTo }: { connectors: ConnectorItem[]; returnTo: string }) {
  return (
    <ul class="connectors" aria-label="Other ways to sign in">
      {connectors.map((connector) => (
        <li key={`${connector.type}/${connector.name}`}>
          <a class="button plain wide" href={loginAddress(connector, returnTo)}>
            Continue with {connector.display}
          </a>
        </li>
      ))}
    </ul>
  );
}

function loginAddress({ type, name }: ConnectorItem, returnTo: string): string {
  const path = type === "saml" ? "saml/sso" : `${type}/login/web`;
  const query = new URLSearchParams({ connector_id: name, redirect_url: `/web${returnTo}` });
  return `/v1/webapi/${path}?${query}`;
}
