import { randomUUID } from "node:crypto";

/** Integers of so many digits may be past 2^53, where JSON.parse loses bits. */
const LONG_INTEGER = /\d{16}/;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;

/** The key of an object that stands for a long integer. No client can guess it, so nothing of a client's is taken for a number. */
const MARK = randomUUID();

/**
 * Parses JSON without losing bits: integers that a number cannot hold are bigints.
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  return JSON.parse(markLongIntegers(text), (_, value: unknown) => {
    const digits = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[MARK] : undefined;
    return digits === undefined ? value : exact(digits as string);
  });
}

function exact(digits: string): number | bigint {
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : BigInt(digits);
}

/** Puts marked objects for long integers. What is no JSON stays none: all else is copied as it is, and an object may stand where a number may. */
function markLongIntegers(text: string): string {
  const pieces: string[] = [];
  let copied = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === MINUS || isDigit(code)) {
      const start = at;
      at = endOfNumber(text, at);
      const token = text.slice(start, at);
      if (/^-?[1-9]\d{15,}$/.test(token)) {
        pieces.push(text.slice(copied, start), `{"${MARK}":"${token}"}`);
        copied = at;
      }
    } else at += 1;
  }
  pieces.push(text.slice(copied));
  return pieces.join("");
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** The position after the string that begins at `at`. */
function endOfString(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end += 1) {
    const code = text.charCodeAt(end);
    if (code === QUOTE) return end + 1;
    if (code === BACKSLASH) end += 1;
  }
  return text.length;
}

/** The position after the number-like run that begins at `at`: digits, signs, points and exponents. */
function endOfNumber(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && /[\d+\-.eE]/.test(text[end])) end += 1;
  return end;
}
