/**
 * Single sign-on: the sorts of connectors, what became of a login, and the words for it. The words are the same in the
 * browser and in the terminal, and say nothing about the cluster that whoever logs in does not know.
 * @module
 */

export const SSO_KINDS = ["github", "oidc", "saml"] as const;
export type SsoKind = (typeof SSO_KINDS)[number];

/** What somebody who wants to log in is told of a connector. */
export interface ConnectorFacts {
  kind: SsoKind;
  name: string;
  /** The text on the button. */
  display: string;
}

/** How users log in, unless they say otherwise. */
export interface LoginChoice {
  type: "local" | SsoKind;
  /** The connector of the type; the first one, when it is left out. */
  connectorName?: string;
}

/** Why a login came to nothing. */
export const SSO_FAILURES = {
  expired: "This login was begun too long ago, in another browser, or was finished already. Begin it anew.",
  refused: "The identity provider did not let you in, or you did not agree there.",
  provider:
    "The identity provider cannot be used right now. Try again; if it stays so, tell an administrator: the " +
    "audit log has the reason.",
  invalid:
    "The identity provider's answer was not accepted. An administrator finds the reason in the audit log.",
  unmapped:
    "The identity provider knows you, but nothing it says of you gives access to this cluster. Ask an " +
    "administrator.",
  organizations:
    "GitHub does not tell this cluster about any organization that gives access. If you belong to one, " +
    "the application has to be granted access to it: on GitHub under Settings, Applications, or by an owner of the " +
    "organization. Then begin anew.",
  taken:
    "There is an account of your name in this cluster that is not yours at this identity provider. Ask an " +
    "administrator.",
  barred: "Your account is locked. Ask an administrator.",
  name: "What the identity provider calls you cannot be a user name here. Ask an administrator.",
  logins:
    "Your roles allow no login at all, so there is nothing to make a certificate of. Ask an administrator.",
} as const;

export type SsoFailure = keyof typeof SSO_FAILURES;

export function isSsoFailure(text: string): text is SsoFailure {
  return Object.hasOwn(SSO_FAILURES, text);
}

/** Milliseconds, unless the name says otherwise. */
export const SSO = {
  ttl: 10 * 60_000,
  maxWaiting: 10_000,
  claimTtl: 60_000,
  callMs: 8000,
  clientWaitMs: 60_000,
};

/** The connector that a login begins with. @returns undefined when there is none that fits */
export function defaultConnector(
  { type, connectorName }: LoginChoice,
  connectors: readonly ConnectorFacts[],
): ConnectorFacts | undefined {
  return connectors.find(({ kind, name }) =>
    kind === type && (connectorName === undefined || name === connectorName)
  );
}
