import { fileError, quote } from "./fault.js";

/** How strictJson reads. */
export interface StrictJsonOptions {
  /** The file, for messages. */
  path: string;
  /** What the text is: "header". */
  what: string;
  /** Objects and arrays within each other, at most. */
  depth: number;
}

/**
 * JSON from a file that nobody vouches for: UTF-8, nested no deeper than `depth` (JSON.parse would make a gigabyte of arrays out of 100 MB
 * of brackets), no key twice in an object (JSON.parse would let the last one win).
 * @throws EmbeddingError EMBEDDING_FILE
 */
export function strictJson(bytes: Uint8Array, { path, what, depth }: StrictJsonOptions): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw fileError(path, { where: what, got: "bytes that are no UTF-8", expected: "JSON", cause });
  }
  scan(text, { path, what, depth });
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw fileError(path, { where: what, got: `text that is no JSON (${oneLine(message)})`, expected: "JSON", cause });
  }
}

/** A plain object, as JSON has them. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Depth and keys alone; what is no JSON in other ways is left to JSON.parse. */
function scan(text: string, { path, what, depth }: StrictJsonOptions): void {
  // One entry for each open bracket: the keys of an object so far, undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  let isKey = false;
  for (let at = 0; at < text.length; at += 1) {
    const c = text[at];
    if (c === "{" || c === "[") {
      open.push(c === "{" ? new Set() : undefined);
      isKey = c === "{";
      if (open.length > depth)
        throw fileError(path, { where: what, got: `JSON that is more than ${depth} levels deep`, expected: `at most ${depth}` });
    } else if (c === "}" || c === "]") {
      open.pop();
      isKey = false;
    } else if (c === ",") {
      isKey = open.at(-1) !== undefined;
    } else if (c === '"') {
      const end = endOfString(text, at);
      const keys = open.at(-1);
      if (isKey && keys !== undefined) addKey(keys, text.slice(at, end), { path, what, depth });
      isKey = false;
      at = end - 1;
    }
  }
}

function addKey(keys: Set<string>, literal: string, { path, what }: StrictJsonOptions): void {
  let key: string;
  try {
    key = JSON.parse(literal) as string;
  } catch {
    return; // JSON.parse of the whole says what is wrong with it
  }
  if (keys.has(key)) throw fileError(path, { where: what, got: `the name ${quote(key)} twice`, expected: "each name once" });
  keys.add(key);
}

/** The position after the closing quote of the string that starts at `at`; the text's end if there is none. */
function endOfString(text: string, at: number): number {
  for (let n = at + 1; n < text.length; n += 1) {
    const c = text.charCodeAt(n);
    if (c === 0x5c) n += 1;
    else if (c === 0x22) return n + 1;
  }
  return text.length;
}

function oneLine(text: string): string {
  return quote(text).slice(1, -1);
}
