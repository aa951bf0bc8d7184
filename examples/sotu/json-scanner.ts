/**
 * What a JsonScanner reports, in the order of the text. `depth` is the number of objects and arrays around the value.
 */
export interface JsonHandler {
  key(name: string, depth: number): void;
  number(value: number, depth: number): void;
  /** An object or array ended; `depth` is that of what was inside. */
  close(depth: number): void;
}

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * A mantissa of at most 15 digits is exact in a double, and so are the powers of ten up to 10^22: one division rounds
 * once, as JSON.parse does.
 */
const MAX_EXACT_DIGITS = 15;
const POWERS_OF_TEN = Array.from({ length: MAX_EXACT_DIGITS + 1 }, (_, power) => 10 ** power);

/**
 * Finds keys and numbers in JSON that arrives in chunks, in the memory of one chunk: the embeddings are one 307 MB
 * object, 35 million numbers, which JSON.parse would need as one string. Trusts the grammar (the file's checksum was
 * verified) but not the length: a text that stops early is an error. Strings that are no keys are passed over.
 */
export class JsonScanner {
  readonly #handler: JsonHandler;
  /** For every open object or array: is it an object? */
  readonly #containers: boolean[] = [];
  /** A string now would be a key. */
  #keyIsNext = false;
  /** A string, number or literal whose end has not arrived. */
  #unfinished: Buffer = Buffer.alloc(0);

  constructor(handler: JsonHandler) {
    this.#handler = handler;
  }

  /** Scans what has arrived. The chunk may be reused after the call. */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.concat([this.#unfinished, chunk]);
    let at = 0;
    while (at < bytes.length) {
      const next = this.#token(bytes, at);
      if (next < 0) break;
      at = next;
    }
    this.#unfinished = bytes.subarray(at);
  }

  /** Says that the text is complete. Throws a SyntaxError if it is not. */
  end(): void {
    if (this.#containers.length > 0 || this.#unfinished.length > 0) {
      throw new SyntaxError(`JSON ends too early: ${this.#containers.length} objects and arrays are still open`);
    }
  }

  /** Reads the token at `at`; gives the position behind it, or -1 if its end has not arrived. */
  #token(bytes: Buffer, at: number): number {
    const byte = bytes[at];
    switch (byte) {
      case OPEN_BRACE:
      case OPEN_BRACKET:
        this.#containers.push(byte === OPEN_BRACE);
        this.#keyIsNext = byte === OPEN_BRACE;
        return at + 1;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        this.#handler.close(this.#containers.length);
        this.#containers.pop();
        this.#keyIsNext = false;
        return at + 1;
      case COMMA:
        this.#keyIsNext = this.#containers.at(-1) ?? false;
        return at + 1;
      case COLON:
        this.#keyIsNext = false;
        return at + 1;
      case QUOTE:
        return this.#string(bytes, at);
      default:
        return byte === MINUS || isDigit(byte) ? this.#number(bytes, at) : at + 1; // blanks, true, false, null
    }
  }

  #string(bytes: Buffer, start: number): number {
    let at = start + 1;
    let isEscaped = false;
    for (; at < bytes.length && bytes[at] !== QUOTE; at++) {
      if (bytes[at] === BACKSLASH) {
        isEscaped = true;
        at++;
      }
    }
    if (at >= bytes.length) return -1;
    if (this.#keyIsNext) {
      const name = isEscaped ? String(JSON.parse(bytes.toString("utf8", start, at + 1))) : bytes.toString("utf8", start + 1, at);
      this.#handler.key(name, this.#containers.length);
    }
    return at + 1;
  }

  #number(bytes: Buffer, start: number): number {
    const isNegative = bytes[start] === MINUS;
    let at = isNegative ? start + 1 : start;
    let mantissa = 0;
    let digitCount = 0;
    let fractionDigits = 0;
    let isFraction = false;
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (isDigit(byte)) {
        mantissa = mantissa * 10 + (byte - ZERO);
        digitCount++;
        if (isFraction) fractionDigits++;
      } else if (byte === DOT) {
        isFraction = true;
      } else {
        break;
      }
    }
    let end = at;
    while (end < bytes.length && isNumberByte(bytes[end])) end++;
    if (end === bytes.length) return -1;
    const isPlain = end === at && digitCount <= MAX_EXACT_DIGITS;
    const magnitude = mantissa / POWERS_OF_TEN[fractionDigits];
    const value = isPlain ? (isNegative ? -magnitude : magnitude) : Number(bytes.toString("latin1", start, end));
    this.#handler.number(value, this.#containers.length);
    return end;
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

function isNumberByte(byte: number): boolean {
  return isDigit(byte) || byte === DOT || byte === MINUS || byte === PLUS || byte === LOWER_E || byte === UPPER_E;
}
