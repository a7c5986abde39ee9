/** Lets one in at a time: the highest priority first, among equals the one that came first. */
export class SerialQueue {
  readonly #waiting: { priority: number; enter: (leave: () => void) => void }[] = [];
  #busy = false;

  /** Resolves when it is the caller's turn, with what ends the turn; calling that again does nothing. */
  enter(priority = 0): Promise<() => void> {
    return new Promise((enter) => {
      const place = this.#waiting.findIndex((other) => other.priority < priority);
      this.#waiting.splice(place < 0 ? this.#waiting.length : place, 0, { priority, enter });
      this.#next();
    });
  }

  #next(): void {
    if (this.#busy) return;
    const first = this.#waiting.shift();
    if (!first) return;
    this.#busy = true;
    let left = false;
    first.enter(() => {
      if (left) return;
      left = true;
      this.#busy = false;
      this.#next();
    });
  }
}
