const CLEAR_LINE = "\r\x1b[K";
/** Where the terminal does not say how wide it is, or says 0. */
const DEFAULT_WIDTH = 80;

/** One line about what is under way, overwritten in place on a terminal's stderr; elsewhere nothing, so that logs stay readable. */
export class Progress {
  show(text: string): void {
    if (process.stderr.isTTY) process.stderr.write(CLEAR_LINE + text.slice(0, (process.stderr.columns || DEFAULT_WIDTH) - 1));
  }

  clear(): void {
    if (process.stderr.isTTY) process.stderr.write(CLEAR_LINE);
  }
}
