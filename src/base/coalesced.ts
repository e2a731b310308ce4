/**
 * Work that is done anew whenever something changed, but never twice at a time.
 * @module
 */

/**
 * @returns does the work; a call while it is being done has it done once more afterwards, for all such calls together,
 * and settles with that
 */
export function coalesced(work: () => Promise<void>): () => Promise<void> {
  let again = false;
  let running: Promise<void> | undefined;
  const run = async () => {
    try {
      while (again) {
        again = false;
        await work();
      }
    } finally {
      running = undefined; // in the same turn as the last look at `again`: no call is lost in between
    }
  };
  return () => {
    again = true;
    return running ??= run();
  };
}
