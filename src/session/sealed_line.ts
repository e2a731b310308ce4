/**
 * The form of a sealed line of a session log: its sum is its last field.
 * @module
 */

/** A line's parts. @returns undefined for a line without a sum */
export function splitSealed(line: string): { body: string; sum: string } | undefined {
  const match = /^(.*),"sum":"([\w-]{22})"\}$/s.exec(line);
  return match ? { body: `${match[1]}}`, sum: match[2] ?? "" } : undefined;
}
