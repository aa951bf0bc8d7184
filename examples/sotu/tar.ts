import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";

/** A part of one file of an archive; the parts of a file follow each other. */
export interface TarPiece {
  path: string;
  /** Valid until the next piece is asked for. */
  bytes: Uint8Array;
  isLast: boolean;
}

// A tar archive: for every file a header of one block, then the content, filled up to whole blocks.
//
//   0         100        124      136        156      157     345        500    512
//   | name    | ...      | size   | ...      | type   | ...   | prefix   | ...  |
//                          octal text          "0": file        of the name
const BLOCK_BYTES = 512;
const NAME_START = 0;
const NAME_END = 100;
const SIZE_START = 124;
const SIZE_END = 136;
const TYPE_START = 156;
const TYPE_END = 157;
const PREFIX_START = 345;
const PREFIX_END = 500;
const TYPE_FILE = "0";
const OCTAL = 8;

const CHUNK_BYTES = 1 << 20;

/** Streams the files of a gzipped npm archive whose path is wanted, in the archive's order, in constant memory. */
export function readArchive(file: string, isWanted: (path: string) => boolean): AsyncGenerator<TarPiece> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // An error of either stream destroys gunzip with it, and the loop below throws it: nothing is left for the callback.
  pipeline(createReadStream(file, { highWaterMark: CHUNK_BYTES }), gunzip, () => {});
  return untar(gunzip, isWanted);
}

/**
 * Plain files with short names only, no links and no extended headers: all there is in the two archives read here,
 * whose checksums are pinned.
 */
export async function* untar(archive: AsyncIterable<Uint8Array>, isWanted: (path: string) => boolean): AsyncGenerator<TarPiece> {
  let partOfHeader: Uint8Array = new Uint8Array(0);
  let path = "";
  let isSkipped = true;
  let contentLeft = 0;
  let paddingLeft = 0;
  for await (const chunk of archive) {
    const bytes = partOfHeader.length === 0 ? chunk : Buffer.concat([partOfHeader, chunk]);
    partOfHeader = bytes.subarray(bytes.length);
    let at = 0;
    while (at < bytes.length) {
      if (contentLeft > 0) {
        const piece = bytes.subarray(at, at + contentLeft);
        contentLeft -= piece.length;
        at += piece.length;
        if (!isSkipped) yield { path, bytes: piece, isLast: contentLeft === 0 };
      } else if (paddingLeft > 0) {
        const skipped = Math.min(paddingLeft, bytes.length - at);
        paddingLeft -= skipped;
        at += skipped;
      } else if (bytes.length - at < BLOCK_BYTES) {
        partOfHeader = bytes.subarray(at);
        break;
      } else {
        const header = Buffer.from(bytes.subarray(at, at + BLOCK_BYTES));
        const prefix = text(header, PREFIX_START, PREFIX_END);
        path = (prefix === "" ? "" : `${prefix}/`) + text(header, NAME_START, NAME_END);
        isSkipped = text(header, TYPE_START, TYPE_END) !== TYPE_FILE || !isWanted(path);
        contentLeft = Number.parseInt(text(header, SIZE_START, SIZE_END) || "0", OCTAL);
        paddingLeft = (BLOCK_BYTES - (contentLeft % BLOCK_BYTES)) % BLOCK_BYTES;
        at += BLOCK_BYTES;
      }
    }
  }
  if (contentLeft > 0) throw new Error(`the archive ends ${contentLeft} bytes before the end of ${path}`);
}

/** The text of a header's field, which ends at its first zero byte or at the field's end. */
function text(header: Buffer, start: number, end: number): string {
  return header.toString("latin1", start, end).split("\0", 1)[0];
}
