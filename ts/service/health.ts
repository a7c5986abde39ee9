/** What keeps a running service from doing its work, as its parts tell it: /health says it. */
export class Health {
  readonly #checks = new Set<() => readonly string[]>();

  /** Adds a check, which gives a sentence for each fault. @returns what takes it away again */
  watch(check: () => readonly string[]): () => Promise<void> {
    this.#checks.add(check);
    return async () => void this.#checks.delete(check);
  }

  /** Nothing when all is well. */
  faults(): string[] {
    return [...this.#checks].flatMap((check) => check());
  }
}
