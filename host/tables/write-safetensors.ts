import { type FileHandle, open, rename, stat, unlink } from "node:fs/promises";
import { type RowDtype, rowBytes } from "../rows/rows.js";
import { encodeRows } from "./encode.js";
import { fileError, quote } from "./fault.js";
import { asFileError } from "./file.js";
import { METADATA_KEY, METADATA_VERSION, type TableMetadata } from "./quantised.js";
import type { FileTable } from "./types.js";

/** How far a file is written. */
export interface WriteProgress {
  /** The table that is being written. */
  table: string;
  bytesDone: number;
  totalBytes: number;
}

/** Options of writeSafetensors. */
export interface WriteOptions {
  /** How rows are written; default: quantised rows as they are, all others fp32. */
  dtype?: RowDtype;
  /** May a file of that name be replaced? Default false. */
  force?: boolean;
  onProgress?: (progress: WriteProgress) => void;
  /** Ends it; what was written is removed. */
  signal?: AbortSignal;
}

/** A tensor to be written. */
interface NewTensor {
  name: string;
  table: string;
  dtype: "F32" | "F16" | "U8" | "I64";
  shape: number[];
  bytes: number;
  chunks: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * Writes tables to one safetensors file: keys and default rows first, then the rows of each table, in the order given. The file appears under its
 * name when it is whole: until then it has another name beside it.
 * @throws (rejects) EmbeddingError EMBEDDING_FILE; nothing is left of the new file then, and an old one is as it was
 */
export async function writeSafetensors(path: string, tables: readonly FileTable[], options: WriteOptions = {}): Promise<void> {
  const { force = false, signal } = options;
  if (!force && (await stat(path).catch(() => undefined)) !== undefined) {
    throw fileError(path, { got: "a file that is there already", expected: "a new name, or leave to replace it" });
  }
  const { header, tensors } = layOut(path, tables, options.dtype);
  const totalBytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  const temporary = `${path}.${process.pid}.tmp`;
  let file: FileHandle | undefined;
  try {
    file = await open(temporary, "wx");
    await file.writeFile(header);
    let bytesDone = 0;
    for (const tensor of tensors) {
      const end = bytesDone + tensor.bytes;
      for await (const chunk of tensor.chunks()) {
        if (signal?.aborted) throw fileError(path, { got: "a signal to stop", expected: "time to write it whole" });
        await writeAll(file, chunk);
        bytesDone += chunk.length;
        options.onProgress?.({ table: tensor.table, bytesDone, totalBytes });
      }
      if (bytesDone !== end)
        throw fileError(path, {
          where: `tensor ${quote(tensor.name)}`,
          got: `${bytesDone - end + tensor.bytes} bytes`,
          expected: `${tensor.bytes}`,
        });
    }
    await file.close();
    file = undefined;
    await rename(temporary, path);
  } catch (cause) {
    await file?.close();
    await unlink(temporary).catch(() => {});
    throw asFileError(path, cause, "a file that can be written");
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
}

function layOut(path: string, tables: readonly FileTable[], dtype: RowDtype | undefined): { header: Uint8Array; tensors: NewTensor[] } {
  const taken = new Set(tables.map(({ name }) => name));
  const unique = (name: string): string => {
    let candidate = name;
    for (let n = 2; taken.has(candidate); n += 1) candidate = `${name}.${n}`;
    taken.add(candidate);
    return candidate;
  };
  const tensors: NewTensor[] = [];
  const known: [string, TableMetadata][] = [];
  for (const { name, numRows, dim, keys, defaultRow } of tables) {
    const metadata: TableMetadata = {};
    if (keys !== undefined) {
      metadata.keys = unique(`${name}.keys`);
      tensors.push({
        name: metadata.keys,
        table: name,
        dtype: "I64",
        shape: [numRows],
        bytes: numRows * 8,
        chunks: () => bytesOfKeys(keys),
      });
    }
    if (defaultRow !== undefined) {
      metadata.defaultRow = unique(`${name}.default`);
      const bytes = new Uint8Array(defaultRow.buffer, defaultRow.byteOffset, defaultRow.byteLength);
      tensors.push({ name: metadata.defaultRow, table: name, dtype: "F32", shape: [dim], bytes: bytes.length, chunks: () => [bytes] });
    }
    known.push([name, metadata]);
  }
  for (const [index, table] of tables.entries()) {
    const { name, numRows, dim } = table;
    const as = dtype ?? (table.packed ? table.dtype : "fp32");
    const bytes = numRows * rowBytes(as, dim);
    const isFloat = as === "fp32" || as === "fp16";
    if (!isFloat) Object.assign(known[index][1], { dtype: as, dim });
    tensors.push({
      name,
      table: name,
      dtype: as === "fp32" ? "F32" : as === "fp16" ? "F16" : "U8",
      shape: [numRows, isFloat ? dim : rowBytes(as, dim)],
      bytes,
      chunks: () => encodeRows(table, as),
    });
  }
  if (taken.size < tensors.length || taken.has("__metadata__")) {
    throw fileError(path, { got: "two tables of one name, or one named __metadata__", expected: "each name once" });
  }
  return {
    header: headerOf(
      tensors,
      known.filter(([, metadata]) => Object.keys(metadata).length > 0),
    ),
    tensors,
  };
}

function headerOf(tensors: readonly NewTensor[], known: readonly [string, TableMetadata][]): Uint8Array {
  const entries: [string, unknown][] = [];
  if (known.length > 0) {
    const text = JSON.stringify({ version: METADATA_VERSION, tables: Object.fromEntries(known) });
    entries.push(["__metadata__", { [METADATA_KEY]: text }]);
  }
  let at = 0;
  for (const { name, dtype, shape, bytes } of tensors) {
    entries.push([name, { dtype, shape, data_offsets: [at, at + bytes] }]);
    at += bytes;
  }
  const text = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  // Data starts on a multiple of 8, for readers that map the file.
  const header = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, " ");
  header.writeBigUInt64LE(BigInt(header.length - 8));
  text.copy(header, 8);
  return header;
}

async function* bytesOfKeys(keys: AsyncIterable<BigInt64Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of keys) yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
