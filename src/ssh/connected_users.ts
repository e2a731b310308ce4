/**
 * How many different users may be connected to a server at once.
 * @module
 */

/** Counts the connections of each user. */
export class ConnectedUsers {
  readonly #connections = new Map<string, number>();

  constructor(readonly max: number) {}

  get size(): number {
    return this.#connections.size;
  }

  /** Counts a connection. @returns false when its user would be one too many */
  enter(user: string): boolean {
    const count = this.#connections.get(user) ?? 0;
    if (count === 0 && this.#connections.size >= this.max) return false;
    this.#connections.set(user, count + 1);
    return true;
  }

  leave(user: string): void {
    const count = (this.#connections.get(user) ?? 0) - 1;
    if (count > 0) this.#connections.set(user, count);
    else this.#connections.delete(user);
  }
}
