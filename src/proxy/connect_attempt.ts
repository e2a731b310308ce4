/**
 * A user's attempt to get to a host, over SSH or in a browser: hosts that no role lets the user reach are not there for
 * the user, and what becomes of the attempt is in the audit log.
 * @module
 */
import type { ClusterAccess } from "../api/cluster_access.ts";
import { messageOf } from "../base/errors.ts";
import type { EventFields } from "../model/event.ts";
import type { UserIdentity } from "../model/identity.ts";
import { printable } from "../ssh/public_key.ts";
import type { Endpoint } from "../ssh/server.ts";
import type { IsVisible } from "./route.ts";

export interface ConnectAttempt {
  identity: UserIdentity;
  /** The OS user. */
  login: string;
  remote: Endpoint;
  /** Where to, as the user has named it. */
  addr: string;
  /** The success is told by somebody else, when there is one. */
  toldElsewhere: boolean;
}

export interface AttemptSurroundings {
  access: ClusterAccess;
  /** Reports an audit event. */
  emit(event: EventFields): void;
}

/** @param connect gets which nodes there are for the user */
export async function attemptToConnect<T>(
  { access, emit }: AttemptSurroundings,
  { identity, login, remote, addr, toldElsewhere }: ConnectAttempt,
  connect: (visible: IsVisible) => Promise<T>,
): Promise<T> {
  const hidden: string[] = [];
  const visible: IsVisible = ({ name, labels }) => {
    const { refused } = access.decide(
      identity,
      (rights) => rights.mayReach(labels) ? undefined : "no role allows this node",
    );
    if (refused !== undefined) hidden.push(`node ${printable(name)}: ${refused}`);
    return refused === undefined;
  };
  const event: EventFields = {
    event: "proxy.connect",
    user: identity.name,
    login: printable(login),
    "addr.remote": `${remote.address}:${remote.port}`,
    addr: printable(addr),
  };
  try {
    const connected = await connect(visible);
    if (!toldElsewhere) emit({ ...event, success: true });
    return connected;
  } catch (error) {
    emit({ ...event, success: false, error: printable(messageOf(error)) });
    // The client is told that there is no such node; the audit log knows better.
    const [why] = hidden;
    if (why !== undefined) emit(refusedLogin(identity.name, login, remote.address, new Error(why)));
    throw error;
  }
}

/** The audit event of a login that was refused. */
export function refusedLogin(user: string, login: string, address: string, error: unknown): EventFields {
  return {
    event: "auth",
    success: false,
    user: printable(user),
    login: printable(login),
    "addr.remote": address,
    error: messageOf(error),
  };
}
