const MIN_WIDTH = 60;
const MAX_WIDTH = 100;
const DEFAULT_WIDTH = 80;
const NAME_COLUMNS = 12;
const TIME_COLUMNS = 8;
const BLOCK_INDENT = "  ";
const MIB = 1 << 20;
/** Without a terminal a progress line cannot be overwritten, so there are few of them. */
const LOG_INTERVAL_MS = 5000;
const CLEAR_LINE = "\r\x1b[K";

/** Columns to wrap text at. */
export function terminalWidth(): number {
  return Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, process.stdout.columns ?? DEFAULT_WIDTH));
}

export function say(line = ""): void {
  process.stdout.write(`${line}\n`);
}

/** Runs a stage and says how long it took and, as `describe` puts it, what came of it. */
export async function stage<T>(name: string, run: () => T | Promise<T>, describe: (value: T, seconds: number) => string): Promise<T> {
  const start = performance.now();
  const value = await run();
  const seconds = (performance.now() - start) / 1000;
  sayDetail(name, describe(value, seconds), `${seconds.toFixed(2)} s`);
  return value;
}

/** A line in the columns of the stages, without a time unless there is one. */
export function sayDetail(name: string, text: string, time = ""): void {
  say(`${name.padEnd(NAME_COLUMNS)}${time.padStart(TIME_COLUMNS)}   ${text}`);
}

/** A block of lines, set off from those around it. */
export function sayBlock(text: string): void {
  say(`\n${text.trimEnd().replace(/^(?=.)/gm, BLOCK_INDENT)}\n`);
}

/** 1234567 as "1,234,567". */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

export function formatMiB(bytes: number): string {
  return `${formatCount(bytes / MIB)} MiB`;
}

/** Rows a second, in millions. */
export function formatRate(rowCount: number, seconds: number): string {
  return `${(rowCount / seconds / 1e6).toFixed(1)} million rows/s`;
}

/** Breaks a text into indented lines of at most `width` columns; longer words stay whole. */
export function wrap(text: string, indent: string, width: number): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    if (line.length > indent.length && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
    }
    line += line.length > indent.length ? ` ${word}` : word;
  }
  return [...lines, line].join("\n");
}

/** The beginning of a text, cut between words. */
export function excerpt(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const cut = text.lastIndexOf(" ", maxLength);
  return `${text.slice(0, cut > 0 ? cut : maxLength)} ...`;
}

/**
 * One line about work under way, on stderr: overwritten in place on a terminal, else written again every few seconds.
 */
export class ProgressLine {
  #lastLogMs = performance.now();
  #lastText = "";

  show(text: string): void {
    if (process.stderr.isTTY) {
      process.stderr.write(CLEAR_LINE + text);
    } else if (text !== this.#lastText && performance.now() - this.#lastLogMs > LOG_INTERVAL_MS) {
      process.stderr.write(`${text}\n`);
      this.#lastText = text;
      this.#lastLogMs = performance.now();
    }
  }

  /** Leaves a clean line behind. */
  clear(): void {
    if (process.stderr.isTTY) process.stderr.write(CLEAR_LINE);
  }
}
