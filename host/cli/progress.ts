const CLEAR_LINE = "\r\x1b[K";
/** Where the terminal does not say how wide it is, or says 0. */
const DEFAULT_WIDTH = 80;
/** Milliseconds between two lines: more than an eye follows costs time for nothing. */
const LEAST_MS = 100;

/** One line about what is under way, overwritten in place on a terminal's stderr; elsewhere nothing, so that logs stay readable. */
export class Progress {
  #shownAt = Number.NEGATIVE_INFINITY;

  /** text: made only if it is shown. */
  show(text: () => string): void {
    const now = performance.now();
    if (!process.stderr.isTTY || now < this.#shownAt + LEAST_MS) return;
    this.#shownAt = now;
    process.stderr.write(CLEAR_LINE + text().slice(0, (process.stderr.columns || DEFAULT_WIDTH) - 1));
  }

  clear(): void {
    if (process.stderr.isTTY) process.stderr.write(CLEAR_LINE);
  }
}
