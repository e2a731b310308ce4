/**
 * Whether there is something at a path.
 * @module
 */

/** Follows symbolic links. What keeps from looking is thrown as it comes. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
