/**
 * From what a file or a message holds to a resource of a known kind. Every problem names its field; values are not
 * repeated where they may be secrets.
 * @module
 */
import * as v from "valibot";
import { AppError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { didYouMean } from "../../base/suggest.ts";
import { authoritySchema } from "./authority.ts";
import {
  githubSchema,
  oidcSchema,
  remoteClusterSchema,
  samlProblem,
  samlSchema,
  trustedClusterSchema,
} from "./connectors.ts";
import { isKind, KIND_NAMES, KINDS } from "./kinds.ts";
import { roleSchema } from "./role.ts";
import { fieldText, isObject, type Problem, tidy } from "./tidy.ts";
import { tokenProblem, tokenSchema } from "./token.ts";
import { userProblem, userSchema } from "./user.ts";

const SCHEMAS = {
  user: v.pipe(userSchema, also(userProblem)),
  role: roleSchema,
  github: githubSchema,
  oidc: oidcSchema,
  saml: v.pipe(samlSchema, also(samlProblem)),
  trusted_cluster: trustedClusterSchema,
  remote_cluster: remoteClusterSchema,
  cert_authority: authoritySchema,
  token: v.pipe(tokenSchema, also(tokenProblem)),
} as const;

/** The kinds that `tctl create` takes. */
export type CreatedKind = keyof typeof SCHEMAS;

/** A document that was found good. */
export type ParsedDocument<K extends CreatedKind = CreatedKind> = {
  [Each in K]: v.InferOutput<(typeof SCHEMAS)[Each]>;
}[K];

const CREATED: readonly CreatedKind[] = Object.keys(SCHEMAS).filter(isCreated);

function isCreated(kind: string): kind is CreatedKind {
  return Object.hasOwn(SCHEMAS, kind);
}

/** A check of a whole document that may name a field. */
function also<T>(check: (document: T) => { path: string[]; message: string } | undefined) {
  return v.rawCheck<T>(({ dataset, addIssue }) => {
    const problem = dataset.typed ? check(dataset.value) : undefined;
    if (!problem) return;
    const [first, ...rest] = problem.path.map((key) => ({
      type: "object" as const,
      origin: "value" as const,
      input: {},
      key,
      value: undefined,
    }));
    addIssue({ message: problem.message, path: first ? [first, ...rest] : undefined });
  });
}

/** Some kinds come out of a backup, with the keys that only a backup has, and in no other way. */
function isOutOfBackup({ spec }: Record<string, unknown>): boolean {
  return isObject(spec) && spec.authorities !== undefined;
}

/** Reads a document. @returns what is wrong with it, if anything is */
export function checkDocument(
  tree: unknown,
): { document: ParsedDocument } | { problems: [Problem, ...Problem[]] } {
  const stop = (path: string[], message: string): { problems: [Problem] } => ({
    problems: [{ path, message }],
  });
  if (!isObject(tree)) return stop([], "a resource is a mapping with kind, version, metadata and spec");
  const { kind } = tree;
  if (kind === undefined || kind === null || kind === "") return stop(["kind"], "is missing");
  if (typeof kind !== "string") return stop(["kind"], "expected text");
  if (!isKind(kind)) {
    return stop(["kind"], `${quote(kind)} is not supported${didYouMean(kind, KIND_NAMES)}`);
  }
  const { notCreated = `the kinds that are created are ${CREATED.join(", ")}` } = KINDS[kind];
  if (!isCreated(kind) || KINDS[kind].notCreated !== undefined && !isOutOfBackup(tree)) {
    return stop(["kind"], `creating resources of type "${kind}" is not supported: ${notCreated}`);
  }
  const schema: v.GenericSchema = SCHEMAS[kind];
  const problems: Problem[] = [];
  const tidied = tidy(SCHEMAS[kind], tree, [], problems);
  const result = v.safeParse(schema, tidied, { abortPipeEarly: true });
  if (!result.success) problems.push(...result.issues.map(problemOf));
  const [first, ...rest] = problems;
  if (first) return { problems: [first, ...rest] };
  return { document: result.output as ParsedDocument };
}

/** As {@linkcode checkDocument}. @throws {AppError} bad_input that names every problem */
export function parseDocument(tree: unknown): ParsedDocument {
  const checked = checkDocument(tree);
  if ("document" in checked) return checked.document;
  throw new AppError("bad_input", checked.problems.slice(0, 10).map(problemText).join("; "));
}

/** `spec.roles: expected a list` */
export function problemText({ path, message }: Problem): string {
  const field = fieldText(path);
  if (field === "" || message.startsWith("unknown field")) return message;
  return message === "is missing" ? `${field} is missing` : `${field}: ${message}`;
}

function problemOf(issue: v.BaseIssue<unknown>): Problem {
  const path = (issue.path ?? []).map(({ key }) => typeof key === "number" ? key : String(key));
  return { path, message: issue.received === "undefined" ? "is missing" : issue.message };
}
