/**
 * The auth server's side of the join dialog; see `api/join_proof.ts`.
 * @module
 */
import { joinProof, joinQuestion, newNonce, parseJoinAnswer, sameProof } from "../../api/join_proof.ts";
import { AppError } from "../../base/errors.ts";
import type { JoinerIdentity } from "../../model/identity.ts";
import { isJoinRole } from "../../model/token.ts";
import type { Dialog } from "../../ssh/server_authentication.ts";
import { type JoinToken, type JoinTokens, tokenId } from "./tokens.ts";

const UNKNOWN =
  "the join token is not known to this cluster: check it, or make a new one with tctl nodes add";

/**
 * Runs the dialog with a host.
 * @throws {AppError} unauthenticated, after the host was told the reason
 */
export async function proveJoin(dialog: Dialog, tokens: JoinTokens): Promise<JoinerIdentity> {
  const serverNonce = newNonce();
  const answer = parseJoinAnswer(await dialog.ask(joinQuestion.hello(serverNonce)));
  const transcript = { sessionId: dialog.sessionId, serverNonce, hostNonce: answer.hostNonce };
  const token = match(
    await tokens.all(),
    (candidate) => sameProof(answer.proof, joinProof("host", candidate.token, transcript)),
  );
  const refusal = token ? tokens.refusal(token) : UNKNOWN;
  if (!token || refusal) {
    await dialog.ask(joinQuestion.refused(refusal ?? UNKNOWN)).catch(() => {}); // the host hangs up on reading it
    throw new AppError("unauthenticated", refusal ?? UNKNOWN);
  }
  await dialog.ask(joinQuestion.joined(joinProof("auth", token.token, transcript)));
  // A token for another cluster is none for a host: such a joiner may take no role at all.
  return {
    kind: "joiner",
    roles: token.roles.filter(isJoinRole),
    tokenId: tokenId(token.token),
    hostId: token.hostId,
  };
}

/** Looks at every token, so that time does not tell which one fitted. A usable one wins over a spent one. */
function match(tokens: readonly JoinToken[], fits: (token: JoinToken) => boolean): JoinToken | undefined {
  const fitting = tokens.filter(fits);
  return fitting.find((token) => !token.removed) ?? fitting[0];
}
