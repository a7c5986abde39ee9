// Which tests there are, what they import, and which of them are a contract's own.
import { basename, dirname, join } from "node:path/posix";

/** Paths are relative to the repository. */
export class Suites {
  #closures = new Map();

  /**
   * @param tests Paths of all test files.
   * @param textOf Gives the text of a file.
   */
  constructor(tests, textOf) {
    Object.assign(this, { tests, textOf });
  }

  /** Every file that `path` imports by a relative path, directly or not, whatever folder it is in; itself included. */
  closure(path) {
    if (!this.#closures.has(path)) this.#closures.set(path, this.#follow(path, new Set()));
    return this.#closures.get(path);
  }

  #follow(path, seen) {
    if (seen.has(path)) return seen;
    seen.add(path);
    for (const [, to] of this.textOf(path).matchAll(/ from "(\.[^"]+)"/g)) this.#follow(join(dirname(path), to), seen);
    return seen;
  }

  /**
   * Tests that use a source. Its own have its name, or are in the folder of it or of its library; others import it all the same.
   * Those of gas do not count: switches cost some.
   */
  of(source) {
    const name = basename(source, ".sol");
    const home = source.startsWith("lib/") ? `test/${dirname(source)}/` : `test/${name}/`;
    const tests = this.tests.filter((path) => folderOf(path) !== "gas" && this.closure(path).has(source));
    const own = tests.filter((path) => path.startsWith(home) || path.endsWith(`/${name}.t.sol`));
    return { own, others: tests.filter((path) => !own.includes(path)) };
  }
}

/** The folder below test/ that a test file is in. */
export function folderOf(path) {
  return path.split("/")[1];
}
