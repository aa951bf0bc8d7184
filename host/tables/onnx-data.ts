import { dirname } from "node:path";
import type { ElementType } from "./elements.js";
import { fileError, quote } from "./fault.js";
import { TableFile } from "./file.js";
import { productOf } from "./limits.js";
import { ONNX_TYPE, type OnnxTensor } from "./onnx-model.js";
import { resolveNamed } from "./places.js";
import type { ByteRange } from "./stream.js";

const ELEMENT_TYPES: Readonly<Record<number, { type: ElementType; word: string }>> = {
  [ONNX_TYPE.FLOAT]: { type: "f32", word: "FLOAT" },
  [ONNX_TYPE.FLOAT16]: { type: "f16", word: "FLOAT16" },
  [ONNX_TYPE.DOUBLE]: { type: "f64", word: "DOUBLE" },
  [ONNX_TYPE.BFLOAT16]: { type: "bf16", word: "BFLOAT16" },
};

/** Bytes of an element, by TensorProto.DataType; strings and packed 4-bit types have none. */
const BYTES_BY_TYPE: Readonly<Record<number, number>> = {
  1: 4,
  2: 1,
  3: 1,
  4: 2,
  5: 2,
  6: 4,
  7: 8,
  9: 1,
  10: 2,
  11: 8,
  12: 4,
  13: 8,
  14: 8,
  15: 16,
  16: 2,
};

/** How the elements of a tensor are read, and ONNX's word for them; undefined for what is no float. */
export function elementsOf({ dataType }: OnnxTensor): { type: ElementType; word: string } | undefined {
  return Object.hasOwn(ELEMENT_TYPES, dataType) ? ELEMENT_TYPES[dataType] : undefined;
}

/** The files that external data of a model lies in, each opened once. */
export class ExternalFiles {
  readonly #model: TableFile;
  readonly #keep: (file: TableFile) => void;
  readonly #files = new Map<string, TableFile>();

  /** keep: gets every file that is opened. */
  constructor(model: TableFile, keep: (file: TableFile) => void) {
    this.#model = model;
    this.#keep = keep;
  }

  /**
   * Where the bytes of a tensor lie, in the model's file or beside it; in the model's file it must be raw_data or floats.
   * @throws (rejects) EmbeddingError EMBEDDING_FILE when they are not all there, or not where a model may have them
   */
  async find(tensor: OnnxTensor): Promise<ByteRange> {
    const { path } = this.#model;
    const where = `initialiser ${quote(tensor.name)}`;
    const elementBytes = Object.hasOwn(BYTES_BY_TYPE, tensor.dataType) ? BYTES_BY_TYPE[tensor.dataType] : undefined;
    const values = productOf(tensor.dims);
    if (values === undefined || elementBytes === undefined) {
      const got = `type ${tensor.dataType}, dims [${tensor.dims.join(", ")}]`;
      throw fileError(path, { where, got, expected: "a type of numbers, and whole numbers with a product below 2^53" });
    }
    const bytes = values * elementBytes;
    if (tensor.external !== undefined) return this.#findExternal(tensor, tensor.external, bytes);
    const { start, end } = tensor.data ?? { start: 0, end: 0 };
    if (end - start !== bytes) {
      const expected = `${bytes} for type ${tensor.dataType}, dims [${tensor.dims.join(", ")}], as raw_data or as packed values of that type`;
      throw fileError(path, { where, got: `${end - start} bytes`, expected });
    }
    return { file: this.#model, offset: start, count: bytes };
  }

  async #findExternal(tensor: OnnxTensor, external: ReadonlyMap<string, string>, bytes: number): Promise<ByteRange> {
    const where = `initialiser ${quote(tensor.name)}: external data`;
    const { path } = this.#model;
    const number = (key: string): number | undefined => {
      const text = external.get(key);
      if (text === undefined || text === "") return undefined;
      if (!/^[0-9]{1,15}$/.test(text))
        throw fileError(path, { where: `${where}: ${key}`, got: quote(text), expected: "a number of bytes" });
      return Number(text);
    };
    const offset = number("offset") ?? 0;
    const length = number("length") ?? bytes;
    if (length !== bytes)
      throw fileError(path, { where, got: `${length} bytes`, expected: `${bytes} for dims [${tensor.dims.join(", ")}]` });
    const file = await this.#open(external.get("location") ?? "", `${where}: location`);
    if (offset + bytes > file.sizeBytes) {
      const expected = `at least ${offset + bytes} for ${quote(tensor.name)}: is the file truncated?`;
      throw fileError(file.path, { got: `${file.sizeBytes} bytes`, expected });
    }
    return { file, offset, count: bytes };
  }

  async #open(name: string, where: string): Promise<TableFile> {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const path = await resolveNamed({ by: this.#model.path, where, folder: dirname(this.#model.path), name });
    const file = await TableFile.open(path);
    this.#keep(file);
    this.#files.set(name, file);
    return file;
  }
}
