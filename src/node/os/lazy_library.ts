/**
 * A native library whose functions are bound one by one, each on its first use: binding costs 0.2 ms a function, which a
 * process that needs ten of a hundred would otherwise pay at its start.
 * @module
 */
import { AppError, messageOf } from "../../base/errors.ts";

type Symbols = Deno.ForeignLibraryInterface;
/** The functions of a library, by name. */
export type Functions<S extends Symbols> = Deno.StaticForeignLibraryInterface<S>;

export interface LazyOptions<S extends Symbols> {
  /** Functions that are bound here and now. */
  atOnce: readonly (keyof S)[];
  /** What an administrator can do where a function cannot be had. */
  advice: string;
}

/** The functions of the library at `path`. One that cannot be had throws AppError `unsupported` where it is first named. */
export function lazyLibrary<const S extends Symbols>(
  path: string,
  symbols: S,
  { atOnce, advice }: LazyOptions<S>,
): Functions<S> {
  const bind = (name: string): unknown => {
    try {
      const { symbols: bound } = Deno.dlopen(path, { [name]: symbols[name] } as Symbols);
      return Object.getOwnPropertyDescriptor(bound, name)?.value;
    } catch (cause) {
      const why = `cannot use ${name} of ${path} (${messageOf(cause)}); ${advice}`;
      throw new AppError("unsupported", why, { cause });
    }
  };
  const unbound = Object.fromEntries(
    Object.keys(symbols).map((name) => [name, {
      get(this: object) {
        const value = bind(name);
        Object.defineProperty(this, name, { value });
        return value;
      },
    }]),
  );
  const functions = Object.create(Object.create(null, unbound)) as Functions<S>;
  for (const name of atOnce) void functions[name as keyof Functions<S>];
  return functions;
}
