/** How far openEngine has come with loading tables. */
export interface LoadProgress {
  /** The table that is being loaded. */
  table: string;
  /** Whole rows of it that are in. */
  rowsDone: number;
  numRows: number;
  /** Bytes of all tables' rows that are in, and that there are, in the form in which their sources give them, padding not counted. */
  bytesDone: number;
  totalBytes: number;
}

/** Milliseconds between two reports within a table: often enough for an eye or a health check. */
const LEAST_MS = 50;

/** What loading needs to know of a table. */
interface Loaded {
  name: string;
  numRows: number;
  /** Of a row as its source gives it. */
  rowBytes: number;
}

/** Adds up what was loaded and reports it: at each table's start and end, between them now and then. */
export class LoadReporter {
  readonly #report: ((progress: LoadProgress) => void) | undefined;
  readonly #totalBytes: number;
  #before = 0;
  #table: Loaded | undefined;
  #bytes = 0;
  #reportedAt = 0;

  constructor(tables: readonly Loaded[], report: ((progress: LoadProgress) => void) | undefined) {
    this.#report = report;
    this.#totalBytes = tables.reduce((sum, { numRows, rowBytes }) => sum + numRows * rowBytes, 0);
  }

  begin(table: Loaded): void {
    this.#before += this.#bytes;
    this.#table = table;
    this.#bytes = 0;
    this.#send();
  }

  /** More bytes of the table are in. */
  add(bytes: number): void {
    this.#bytes += bytes;
    const table = this.#table;
    if (this.#report === undefined || table === undefined) return;
    if (this.#bytes === table.numRows * table.rowBytes || performance.now() >= this.#reportedAt + LEAST_MS) this.#send();
  }

  #send(): void {
    if (this.#report === undefined || this.#table === undefined) return;
    const { name, numRows, rowBytes } = this.#table;
    this.#reportedAt = performance.now();
    this.#report({
      table: name,
      rowsDone: Math.floor(this.#bytes / rowBytes),
      numRows,
      bytesDone: this.#before + this.#bytes,
      totalBytes: this.#totalBytes,
    });
  }
}
