/**
 * The auth API: every call, its input, its output, and who may make it. The server's checks, the client's types and the
 * fuzzer's inputs come from this table; its parts lie in `contract/`, one file a subject.
 * @module
 */
import type * as v from "valibot";
import { accessCalls } from "./contract/access.ts";
import { accountCalls } from "./contract/account.ts";
import { authorityCalls } from "./contract/authorities.ts";
import { auditCalls } from "./contract/audit.ts";
import { clusterCalls } from "./contract/cluster.ts";
import { clusterLinkCalls } from "./contract/clusters.ts";
import { hostCalls } from "./contract/hosts.ts";
import { resourceCalls } from "./contract/resources.ts";
import { sessionCalls } from "./contract/sessions.ts";
import { ssoCalls } from "./contract/sso.ts";
import { tokenCalls } from "./contract/tokens.ts";
import { userCalls } from "./contract/users.ts";
import { webSessionCalls } from "./contract/web_sessions.ts";

export const contract = {
  ...clusterCalls,
  ...clusterLinkCalls,
  ...authorityCalls,
  ...hostCalls,
  ...userCalls,
  ...tokenCalls,
  ...auditCalls,
  ...accessCalls,
  ...resourceCalls,
  ...sessionCalls,
  ...webSessionCalls,
  ...accountCalls,
  ...ssoCalls,
} as const;

export type Contract = typeof contract;
export type Method = keyof Contract;
export type Input<M extends Method> = v.InferOutput<Contract[M]["input"]>;
export type Output<M extends Method> = v.InferOutput<Contract[M]["output"]>;

/** What the `changed` notification names. */
export type Collection =
  | "authorities"
  | "servers"
  /** Those of role auth; told beside `servers`, which change far more often. */
  | "auth_servers"
  | "clusters"
  | "users"
  | "roles"
  | "tokens"
  | "sessions"
  | "web_sessions"
  /** Connectors of single sign-on. */
  | "connectors";

/** The largest message of the API in bytes. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
