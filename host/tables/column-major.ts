import { decoderOf, ELEMENT_BYTES, type ElementType } from "./elements.js";
import type { TableFile } from "./file.js";

/** Bytes of the block of rows that is turned at once. */
const BLOCK_BYTES = 2 ** 23;

/** Rows that lie in a file column by column, as Fortran has them. */
export interface StoredColumns {
  file: TableFile;
  offset: number;
  numRows: number;
  dim: number;
  type: ElementType;
}

/** The rows, row-major: blocks of rows, of which each column is a read of its own. A chunk is valid until the next one is asked for. */
export function columnMajorRows({ file, offset, numRows, dim, type }: StoredColumns): AsyncIterable<Float32Array> {
  const size = ELEMENT_BYTES[type];
  const decode = decoderOf(type);
  const blockRows = Math.min(numRows, Math.max(1, Math.floor(BLOCK_BYTES / (dim * 4))));
  return {
    async *[Symbol.asyncIterator]() {
      const rows = new Float32Array(blockRows * dim);
      const column = new Float32Array(blockRows);
      for (let first = 0; first < numRows; first += blockRows) {
        const count = Math.min(blockRows, numRows - first);
        for (let c = 0; c < dim; c += 1) {
          decode(file.readNow(offset + (c * numRows + first) * size, count * size), column.subarray(0, count));
          for (let r = 0; r < count; r += 1) rows[r * dim + c] = column[r];
        }
        yield rows.subarray(0, count * dim);
        // The reads above block: let others have their turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}
