import { EmbeddingError } from "../errors.js";

/** Characters of a name or value that a message shows at most: files choose their names themselves. */
const SHOWN_CHARACTERS = 120;

/** What fileError says besides the file. */
export interface Fault {
  /** Where in the file, to go before the rest: `tensor "user"`. */
  where?: string;
  got: unknown;
  expected: string;
  /** A table's name. */
  table?: string;
  cause?: unknown;
}

/** An EMBEDDING_FILE error: "path: where: got ..., expected ...". One line, whatever the file holds. */
export function fileError(path: string, { where, got, expected, table, cause }: Fault): EmbeddingError {
  const place = where === undefined ? "" : `${where}: `;
  return new EmbeddingError("EMBEDDING_FILE", `${plain(path)}: ${place}got ${showValue(got)}, expected ${expected}`, {
    file: path,
    got,
    expected,
    ...(table === undefined ? {} : { table }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A name from a file, quoted, escaped, cut: no line break, no terminal code of it reaches the reader. */
export function quote(name: string): string {
  return quoteWhole(name.length > SHOWN_CHARACTERS ? `${name.slice(0, SHOWN_CHARACTERS)}...` : name);
}

/** As it is where that is harmless, else quoted and escaped; never cut. */
export function plain(name: string): string {
  const quoted = quoteWhole(name);
  return quoted === `"${name}"` ? name : quoted;
}

function quoteWhole(name: string): string {
  return JSON.stringify(name).replace(/[\u007f-\u009f\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A string is a phrase of ours unless it is quoted by the caller; anything else is shown as JSON, cut. */
function showValue(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "bigint" || typeof value === "number" || value === undefined) return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}
