/** A Python literal: dicts become Maps, tuples and lists arrays. */
export type PythonLiteral = string | number | boolean | null | PythonLiteral[] | Map<string, PythonLiteral>;

/** Thrown and caught within this file. */
class NoLiteral extends Error {}

/**
 * Reads a literal as ast.literal_eval does, of the kinds that .npy headers have: strings without escapes, whole numbers, True, False, None,
 * tuples, lists, dicts with strings as keys, each key once. Undefined when the text is anything else or nested deeper than `depth`.
 */
export function readPythonLiteral(text: string, depth: number): PythonLiteral | undefined {
  const reader = new LiteralReader(text, depth);
  try {
    const value = reader.value(0);
    return reader.isAtEnd() ? value : undefined;
  } catch (error) {
    if (error instanceof NoLiteral) return undefined;
    throw error;
  }
}

const WORDS: Readonly<Record<string, boolean | null>> = { True: true, False: false, None: null };

class LiteralReader {
  readonly #text: string;
  readonly #depth: number;
  #at = 0;

  constructor(text: string, depth: number) {
    this.#text = text;
    this.#depth = depth;
  }

  isAtEnd(): boolean {
    this.#space();
    return this.#at === this.#text.length;
  }

  value(depth: number): PythonLiteral {
    if (depth > this.#depth) throw new NoLiteral();
    this.#space();
    const c = this.#text[this.#at];
    if (c === "{") return this.#dict(depth);
    if (c === "(") return this.#list(depth, ")");
    if (c === "[") return this.#list(depth, "]");
    if (c === "'" || c === '"') return this.#string();
    const word = this.#match(/[A-Za-z]+/y);
    if (word !== undefined && Object.hasOwn(WORDS, word)) return WORDS[word];
    // Python 2 wrote an L behind large ones.
    const digits = word === undefined ? this.#match(/-?[0-9]{1,20}L?/y) : undefined;
    if (digits === undefined) throw new NoLiteral();
    return Number(digits.replace("L", ""));
  }

  #dict(depth: number): Map<string, PythonLiteral> {
    const map = new Map<string, PythonLiteral>();
    this.#at += 1;
    while (!this.#take("}")) {
      this.#space();
      const key = this.#string();
      if (map.has(key) || !this.#take(":")) throw new NoLiteral();
      map.set(key, this.value(depth + 1));
      if (!this.#take(",") && this.#peek() !== "}") throw new NoLiteral();
    }
    return map;
  }

  /** `(3)` is a number in Python; it is taken for a tuple here, which no header means otherwise. */
  #list(depth: number, end: string): PythonLiteral[] {
    const list: PythonLiteral[] = [];
    this.#at += 1;
    while (!this.#take(end)) {
      list.push(this.value(depth + 1));
      if (!this.#take(",") && this.#peek() !== end) throw new NoLiteral();
    }
    return list;
  }

  #string(): string {
    const text = this.#match(/'[^'\\\n]*'|"[^"\\\n]*"/y);
    if (text === undefined) throw new NoLiteral();
    return text.slice(1, -1);
  }

  #peek(): string | undefined {
    this.#space();
    return this.#text[this.#at];
  }

  #take(c: string): boolean {
    if (this.#peek() !== c) return false;
    this.#at += 1;
    return true;
  }

  #space(): void {
    this.#match(/[ \t\r\n]+/y);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }
}
