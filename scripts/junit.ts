/**
 * Reads what `deno test --junit-path` writes.
 * @module
 */

/** One test, or one step of it: `test > step`. */
export interface TestCase {
  /** Without a leading "./". */
  path: string;
  name: string;
  line: number;
  skipped: boolean;
  /** What the failure says, and where; undefined when there was none. */
  failure: string | undefined;
}

export function testCases(xml: string): TestCase[] {
  const cases = xml.matchAll(/<testcase\s([^>]*?)(?:\/>|>([^]*?)<\/testcase>)/g);
  return [...cases].flatMap(([, attributes = "", body = ""]) => {
    const [path, name] = ["classname", "name"].map((key) => attribute(attributes, key));
    if (path === undefined || name === undefined) return [];
    const [, failure] = /<(?:failure|error)\b[^>]*?(?:\/>|>([^]*?)<\/(?:failure|error)>)/.exec(body) ?? [];
    return {
      path: path.replace(/^\.\//, ""),
      name,
      line: Number(attribute(attributes, "line") ?? 0),
      skipped: /<skipped\b/.test(body),
      failure: /<(?:failure|error)\b/.test(body) ? decoded(failure ?? "") : undefined,
    };
  });
}

function attribute(attributes: string, name: string): string | undefined {
  const raw = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1];
  return raw === undefined ? undefined : decoded(raw);
}

const NAMED: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function decoded(raw: string): string {
  return raw.replace(
    /&(lt|gt|quot|apos|amp|#\d+|#x[\da-f]+);/gi,
    (_, entity: string) =>
      entity.startsWith("#")
        ? String.fromCodePoint(Number(entity.slice(1).replace(/^x/i, "0x")))
        : NAMED[entity.toLowerCase()] ?? "",
  );
}
