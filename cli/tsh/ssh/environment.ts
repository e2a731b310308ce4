/**
 * The variables that go along with a session.
 * @module
 */

/**
 * Variables to send: those that a pattern of SendEnv names, then SetEnv's own.
 * @param patterns names with `*` and `?`
 */
export function environmentToSend(
  all: Readonly<Record<string, string>>,
  patterns: readonly string[],
  set: Readonly<Record<string, string>>,
): Record<string, string> {
  const wanted = patterns.map((pattern) => {
    const source = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
    return new RegExp(`^${source}$`);
  });
  const sent = Object.entries(all).filter(([name]) => wanted.some((pattern) => pattern.test(name)));
  return { ...Object.fromEntries(sent), ...set };
}
