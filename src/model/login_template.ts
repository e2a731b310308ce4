/**
 * Logins in roles may be templates over a user's traits: `{{internal.logins}}` stands for all values of the trait
 * `logins`, `{{external.team}}` for those of `team`, `svc-{{external.team}}` for these with a prefix.
 * @module
 */
import { isLogin } from "./name.ts";
import type { Traits } from "./user.ts";

const TEMPLATE =
  /^([^{}]*)\{\{\s*(internal|external)(?:\.([A-Za-z0-9_-]+)|\["([^"{}]{1,256})"\])\s*\}\}([^{}]*)$/;

interface Template {
  prefix: string;
  trait: string;
  suffix: string;
}

function parse(text: string): Template | undefined {
  const match = TEMPLATE.exec(text);
  if (!match) return undefined;
  const [, prefix = "", space, field, quoted, suffix = ""] = match;
  const trait = field ?? quoted ?? "";
  if (space === "internal" && trait !== "logins") return undefined;
  return { prefix, trait, suffix };
}

/** True for a login, or a template that is understood. */
export function isLoginOrTemplate(text: string): boolean {
  return /[{}]/.test(text) ? parse(text) !== undefined : isLogin(text);
}

/** The trait that a template refers to; undefined for a plain login. */
export function traitOf(text: string): string | undefined {
  return parse(text)?.trait;
}

/**
 * The logins that these entries stand for. A trait comes from outside, perhaps from an identity provider: a value that
 * is no login (`joe,root`, `*`, a control character) is dropped, never repaired.
 */
export function expandLogins(entries: readonly string[], traits: Traits): string[] {
  const logins = entries.flatMap((entry) => {
    if (!/[{}]/.test(entry)) return [entry];
    const template = parse(entry);
    if (!template || !Object.hasOwn(traits, template.trait)) return [];
    return (traits[template.trait] ?? []).map((value) => template.prefix + value + template.suffix);
  });
  return [...new Set(logins)].filter(isLogin);
}
