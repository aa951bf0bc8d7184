import { inspect } from "node:util";
import { EmbeddingError } from "../errors.js";

/** The error of an option, or an argument, that is wrong. table: the table it belongs to, if it does. */
export function optionError(option: string, wrong: { got: unknown; expected: string; table?: string }): EmbeddingError {
  const { got, expected } = wrong;
  const shown =
    typeof got === "string" ? JSON.stringify(got) : inspect(got, { depth: 0, maxArrayLength: 0, breakLength: Number.POSITIVE_INFINITY });
  return new EmbeddingError("EMBEDDING_OPTIONS", `${option}: got ${shown}, expected ${expected}`, wrong);
}
