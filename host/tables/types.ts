import type { FloatTableOptions, PackedTableOptions } from "../options.js";
import type { RowDtype } from "../rows/rows.js";

/** The formats that openModels reads. */
export type ModelFormat = "safetensors" | "npy" | "npz" | "hps" | "onnx";

/** Where a table's rows lie, and as what. */
export interface StoredRows {
  /** Type of the numbers in the file, in the file's own word: "F32", "BF16", "<f4", "FLOAT16"; for quantised rows "int8", "int4", "int2". */
  type: string;
  /** Path of the file that holds them. */
  file: string;
  /** Bytes that the rows take there; compressed members: once inflated. */
  bytes: number;
}

/** What every table of a model file has besides what openEngine takes. */
interface FromFile {
  readonly stored: StoredRows;
}

/**
 * A table of a model file: what openEngine takes, and where it comes from. `rows` and `keys` stream from the file whenever they are asked for; a
 * chunk is valid until the next one is asked for.
 */
export type FileTable = FloatFileTable | PackedFileTable;

/** A table whose rows come as floats, whatever the file has them as. */
export interface FloatFileTable extends FloatTableOptions, FromFile {
  rows: AsyncIterable<Float32Array>;
  keys?: AsyncIterable<BigInt64Array>;
}

/** A table whose rows are quantised in the file. */
export interface PackedFileTable extends PackedTableOptions, FromFile {
  dtype: RowDtype;
  rows: AsyncIterable<Uint8Array>;
  keys?: AsyncIterable<BigInt64Array>;
}

/** Something in a file that is no table. */
export interface LeftOut {
  name: string;
  /** Why, as a phrase: "shape [512], a table has two dimensions". */
  reason: string;
}

/** Tables of one model, in the file's order of data; nothing is read yet but headers. */
export interface ModelTables {
  /** m.safetensors -> "m"; a folder -> its name. */
  readonly name: string;
  /** "1", or the version folder it came from. */
  readonly version: string;
  /** Absolute. */
  readonly path: string;
  readonly format: ModelFormat;
  /** May be empty: a caller that needs tables says so. */
  readonly tables: readonly FileTable[];
  /** What else the file holds, by name. */
  readonly leftOut: readonly LeftOut[];
  /** Bytes of the rows as they will be held, padding not counted. */
  readonly tableBytes: number;
  /** Closes the files; rows that are asked for later give EMBEDDING_FILE. May be called again. */
  close(): Promise<void>;
}

/** What a reader of one format finds: everything of ModelTables but its name. */
export interface FoundTables {
  format: ModelFormat;
  tables: FileTable[];
  leftOut: LeftOut[];
}
