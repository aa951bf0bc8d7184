import type { Engine } from "../engine.js";
import { EmbeddingError } from "../errors.js";
import { openEngineSync } from "../open.js";
import { show } from "../resolve.js";
import type { IndexArray } from "./arrays.js";
import { type BagInput, BagReader, type BagWeights } from "./bag-input.js";
import {
  type BagMode,
  type BagSettings,
  checkShape,
  type EmbeddingBagOptions,
  type FilledBagOptions,
  fillBagOptions,
} from "./bag-options.js";
import { withTable } from "./safetensors.js";
import { type EmbeddingWeight, shapeOf, sourceOf } from "./weight.js";

/** Options of EmbeddingBag.fromPretrained. */
export interface PretrainedOptions extends BagSettings {
  /** Default: what an array of rows, or the length of a Float32Array, tells. */
  numEmbeddings?: number | undefined;
  /** Default: the length of the first row of an array of rows. */
  embeddingDim?: number | undefined;
}

/** Options of EmbeddingBag.fromSafetensors. */
export interface SafetensorsOptions extends BagSettings {
  /** Name of the tensor; default: the only table of the file. */
  tensor?: string | undefined;
}

/**
 * torch.nn.EmbeddingBag for inference, synchronous in construction and use: no threads, all on the caller's own (`ranks: 0`). Rows up to
 * 4 GiB. A process ends without close(); close() gives the memory back sooner.
 */
export class EmbeddingBag implements Disposable {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly mode: BagMode;
  /** Never negative; null: none. */
  readonly paddingIdx: number | null;
  readonly includeLastOffset: boolean;
  readonly #engine: Engine;
  readonly #reader: BagReader;

  /**
   * @throws EmbeddingError EMBEDDING_OPTIONS, EMBEDDING_MEMORY_LIMIT, EMBEDDING_TABLE_ROWS (a weight that gives too few or too many values)
   */
  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingBagOptions) {
    checkShape(numEmbeddings, embeddingDim);
    const filled: FilledBagOptions = fillBagOptions(options, numEmbeddings);
    const { mode, paddingIdx, includeLastOffset } = filled;
    // The feature is called what the argument is called: errors of a lookup name it.
    this.#engine = openEngineSync({
      tables: [{ name: "weight", numRows: numEmbeddings, dim: embeddingDim, ...sourceOf(options, embeddingDim) }],
      features: [{ name: "input", table: "weight", pooling: mode, ...(paddingIdx === undefined ? {} : { paddingIndex: paddingIdx }) }],
    });
    this.#reader = new BagReader(includeLastOffset);
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.mode = mode;
    this.paddingIdx = paddingIdx ?? null;
    this.includeLastOffset = includeLastOffset;
  }

  /**
   * As torch's from_pretrained: an EmbeddingBag of rows that are there. The shape is taken from the weight as far as it tells.
   * @throws EmbeddingError as the constructor
   */
  static fromPretrained(weight: EmbeddingWeight, options: PretrainedOptions = {}): EmbeddingBag {
    const { numEmbeddings, embeddingDim, ...more } = options;
    const shape = shapeOf(weight, { numEmbeddings, embeddingDim });
    return new EmbeddingBag(shape.numEmbeddings, shape.embeddingDim, { ...more, weight });
  }

  /**
   * An EmbeddingBag of a table of a safetensors file: F32, F16, BF16 or F64 [numEmbeddings, embeddingDim], or rows that `lagbag convert` has
   * quantised. Read at once, while the caller's thread waits; nothing of the file is kept open.
   * @throws EmbeddingError EMBEDDING_FILE (missing, corrupt, truncated), EMBEDDING_OPTIONS (no such tensor, or several and no name), as the constructor
   */
  static fromSafetensors(path: string, options: SafetensorsOptions = {}): EmbeddingBag {
    const { tensor, ...settings } = options;
    return withTable(path, tensor, ({ name, numRows, dim, rows, packed, dtype }) => {
      if (packed !== true) return new EmbeddingBag(numRows, dim, { ...settings, weight: rows });
      if (settings.dtype !== undefined && settings.dtype !== dtype) {
        const message = `dtype: got ${show(settings.dtype)}, expected ${show(dtype)}: the rows of ${show(name)} are packed already (${path})`;
        throw new EmbeddingError("EMBEDDING_OPTIONS", message, { got: settings.dtype, expected: dtype });
      }
      return new EmbeddingBag(numRows, dim, { ...settings, dtype, packed, weight: rows });
    });
  }

  /**
   * Looks up and pools. A one-dimensional input needs offsets: bag b is input[offsets[b] .. offsets[b + 1]), the last bag runs to the
   * end; with includeLastOffset the last offset ends the last bag and has to be the number of indices. The rows of a two-dimensional
   * input are bags of one length, without offsets. An empty bag gives zeros in every mode.
   * perSampleWeights: in the input's shape, mode "sum" only.
   * @returns [bags, embeddingDim], row-major, an array of the caller's own
   * @throws EmbeddingError EMBEDDING_INDEX_RANGE, EMBEDDING_OFFSETS, EMBEDDING_WEIGHTS, EMBEDDING_BATCH (types and shapes),
   *   EMBEDDING_MEMORY_LIMIT (one bag of GiBs), EMBEDDING_CLOSED
   */
  forward(input: BagInput, offsets?: IndexArray | null, perSampleWeights?: BagWeights | null): Float32Array {
    const bags = this.#reader.read(input, offsets, perSampleWeights);
    const out = new Float32Array(bags.count * this.embeddingDim);
    // Without a bag torch reads no index, so stray ones are no error.
    if (bags.count === 0 && !this.includeLastOffset) return out;
    this.#engine.lookupInto({ batchSize: bags.count, indices: bags.indices, offsets: bags.offsets, weights: bags.weights }, out);
    return out;
  }

  /** Gives the memory of the rows back. A later forward throws EMBEDDING_CLOSED. May be called more than once. */
  close(): void {
    // Without ranks nothing is left to wait for.
    void this.#engine.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
