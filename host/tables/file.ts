import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { fileError } from "./fault.js";

/** Linux reads at most this much in one call. */
const MOST_READ_BYTES = 2 ** 30;

/** For reading. Without O_NONBLOCK a pipe would make open wait for a writer, for ever. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** A regular file that is open for reading. Its size is that of the moment when it was opened: a file that shrinks later is an error. */
export class TableFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** A number: opened by openNow, every read of it blocks. */
  readonly #handle: FileHandle | number;
  #isOpen = true;

  private constructor(path: string, sizeBytes: number, handle: FileHandle | number) {
    this.path = path;
    this.sizeBytes = sizeBytes;
    this.#handle = handle;
  }

  /** @throws (rejects) EmbeddingError EMBEDDING_FILE when there is no such file, it may not be read, or it is no regular file */
  static async open(path: string): Promise<TableFile> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, FLAGS);
      const stat = await handle.stat();
      checkRegular(path, stat);
      return new TableFile(path, stat.size, handle);
    } catch (cause) {
      await handle?.close();
      throw asFileError(path, cause, "a file that can be read");
    }
  }

  /** As open, without waiting: all that is read of it blocks. close() closes it at once. @throws EmbeddingError EMBEDDING_FILE */
  static openNow(path: string): TableFile {
    let fd: number | undefined;
    try {
      fd = openSync(path, FLAGS);
      const stat = fstatSync(fd);
      checkRegular(path, stat);
      return new TableFile(path, stat.size, fd);
    } catch (cause) {
      if (fd !== undefined) closeSync(fd);
      throw asFileError(path, cause, "a file that can be read");
    }
  }

  /** @throws EMBEDDING_FILE; blocks, so for headers, or where nothing may be waited for. A fresh array of `count` bytes: the caller has checked that the file has as many. */
  readNow(offset: number, count: number): Uint8Array<ArrayBuffer> {
    this.#checkRange(offset, count);
    const bytes = new Uint8Array(count);
    for (let done = 0; done < count; ) {
      let got: number;
      try {
        got = readSync(this.#fd(), bytes, done, count - done, offset + done);
      } catch (cause) {
        throw asFileError(this.path, cause, "bytes that can be read");
      }
      if (got === 0) throw this.#shrunk(offset + done);
      done += got;
    }
    return bytes;
  }

  /** Fills `bytes`, which may lie in shared memory. @throws (rejects) EMBEDDING_FILE */
  async read(offset: number, bytes: Uint8Array): Promise<void> {
    this.#checkRange(offset, bytes.length);
    for (let done = 0; done < bytes.length; ) {
      let got: number;
      try {
        const fd = this.#fd();
        const count = Math.min(bytes.length - done, MOST_READ_BYTES);
        if (typeof this.#handle === "number") got = readSync(fd, bytes, done, count, offset + done);
        else ({ bytesRead: got } = await this.#handle.read(bytes, done, count, offset + done));
      } catch (cause) {
        throw asFileError(this.path, cause, "bytes that can be read");
      }
      if (got === 0) throw this.#shrunk(offset + done);
      done += got;
    }
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (typeof this.#handle === "number") closeSync(this.#handle);
    else await this.#handle.close();
  }

  #fd(): number {
    if (!this.#isOpen) throw fileError(this.path, { got: "a read after close()", expected: "a model that is open" });
    return typeof this.#handle === "number" ? this.#handle : this.#handle.fd;
  }

  #checkRange(offset: number, count: number): void {
    if (offset >= 0 && count >= 0 && offset + count <= this.sizeBytes) return;
    throw fileError(this.path, { got: `${this.sizeBytes} bytes`, expected: `at least ${offset + count}: is the file truncated?` });
  }

  #shrunk(at: number): Error {
    return fileError(this.path, { got: `the end of the file at byte ${at}`, expected: `${this.sizeBytes} bytes, as when it was opened` });
  }
}

function checkRegular(path: string, stat: Stats): void {
  if (stat.isFile()) return;
  throw fileError(path, { got: stat.isDirectory() ? "a folder" : "something that is no regular file", expected: "a file" });
}

/** The error itself if it is one of ours, else an EMBEDDING_FILE error that says what the system said. */
export function asFileError(path: string, cause: unknown, expected: string): Error {
  if (cause instanceof Error && cause.name === "EmbeddingError") return cause;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : undefined;
  const message = cause instanceof Error ? cause.message : String(cause);
  const got = (code !== undefined && SYSTEM_WORDS[code]) || message;
  return fileError(path, { got, expected, cause });
}

const SYSTEM_WORDS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "a folder",
  ENOTDIR: "a path through something that is no folder",
  ELOOP: "links that lead in a circle",
  EMFILE: "too many open files (ulimit -n)",
  ENAMETOOLONG: "a name that is too long",
  ERR_INVALID_ARG_VALUE: "a path with a NUL in it",
  EIO: "an input/output error",
};
