import { EmbeddingError } from "../errors.js";
import { show } from "../resolve.js";
import type { RowDtype } from "../rows/rows.js";
import type { WeightOptions } from "./weight.js";

/** How a bag becomes one row: torch's `mode`. */
export type BagMode = "sum" | "mean" | "max";

/** torch.nn.EmbeddingBag's arguments in camel case, those that inference has a use for. */
export interface BagSettings {
  /** Default "mean", as in torch. */
  mode?: BagMode | undefined;
  /** Rows of this index do not count, neither in sums nor in mean's divisor nor in max; -numEmbeddings to numEmbeddings - 1, negative counts from the end. Default: none. */
  paddingIdx?: number | null | undefined;
  /** Offsets have one more element at the end, the number of indices (the layout of CSR matrices). Default false. */
  includeLastOffset?: boolean | undefined;
  /** How the rows are held: "fp32" (default), or rounded on the way in to "fp16", "int8", "int4" or "int2" (docs/formats.md). forward gives float32. */
  dtype?: RowDtype | undefined;
}

/** Settings, and the rows, [numEmbeddings, embeddingDim]: required, as random ones, which torch would draw, are of no use to inference. Read once, not kept. */
export type EmbeddingBagOptions = BagSettings & WeightOptions;

/** The options besides the weight, defaults filled in. */
export interface FilledBagOptions {
  mode: BagMode;
  /** Never negative; undefined: none. */
  paddingIdx: number | undefined;
  includeLastOffset: boolean;
}

const MODES: readonly BagMode[] = ["sum", "mean", "max"];
const MAX_ROWS = 2 ** 31 - 1;
const MAX_DIM = 65536;
const KNOWN = ["weight", "packed", "dtype", "mode", "paddingIdx", "includeLastOffset"];

/** What torch has and this does not, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  maxNorm: "it rewrites rows while they are looked up; norm the weight before it is loaded",
  normType: "it goes with maxNorm, which rewrites rows while they are looked up",
  scaleGradByFreq: "it is about gradients, of which inference has none",
  sparse: "it is about gradients, of which inference has none",
  freeze: "nothing is trained here, rows are always frozen",
  device: "rows lie in this process's memory",
  _weight: "it is called weight here",
};

function optionError(name: string, got: unknown, expected: string): EmbeddingError {
  return new EmbeddingError("EMBEDDING_OPTIONS", `${name}: got ${show(got)}, expected ${expected}`, { got, expected });
}

/**
 * Checks a table's shape.
 * @throws EmbeddingError EMBEDDING_OPTIONS
 */
export function checkShape(numEmbeddings: number, embeddingDim: number, prefix = ""): void {
  for (const [name, value, most] of [
    ["embeddingDim", embeddingDim, MAX_DIM],
    ["numEmbeddings", numEmbeddings, MAX_ROWS],
  ] as const) {
    if (!Number.isInteger(value) || value < 1 || value > most) throw optionError(prefix + name, value, `an integer from 1 to ${most}`);
  }
}

/**
 * Checks the options of an EmbeddingBag. more: names of options that the caller takes besides.
 * @throws EmbeddingError EMBEDDING_OPTIONS
 */
export function fillBagOptions(
  options: Partial<EmbeddingBagOptions>,
  numEmbeddings: number,
  more: readonly string[] = [],
): FilledBagOptions {
  if (typeof options !== "object" || options === null) throw optionError("options", options, "an object with weight");
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || KNOWN.includes(name) || more.includes(name)) continue;
    const why = REFUSED[name];
    throw optionError(
      name,
      value,
      why === undefined ? `no such option; there are ${[...KNOWN, ...more].join(", ")}` : `no ${name}: ${why}`,
    );
  }
  const { mode = "mean", paddingIdx, includeLastOffset = false } = options;
  if (!MODES.includes(mode)) throw optionError("mode", mode, '"sum", "mean" or "max"');
  if (typeof includeLastOffset !== "boolean") throw optionError("includeLastOffset", includeLastOffset, "true or false");
  if (paddingIdx === undefined || paddingIdx === null) return { mode, paddingIdx: undefined, includeLastOffset };
  if (!Number.isInteger(paddingIdx) || paddingIdx < -numEmbeddings || paddingIdx >= numEmbeddings) {
    throw optionError("paddingIdx", paddingIdx, `an integer from ${-numEmbeddings} to ${numEmbeddings - 1}, within numEmbeddings`);
  }
  return { mode, paddingIdx: paddingIdx < 0 ? paddingIdx + numEmbeddings : paddingIdx, includeLastOffset };
}
