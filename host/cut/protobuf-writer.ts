import type { ByteRange } from "../tables/stream.js";

/** A message to be written: bytes of ours, and runs of bytes that are copied from files. */
export type Piece = Uint8Array | ByteRange;

export function pieceBytes(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + (piece instanceof Uint8Array ? piece.length : piece.count), 0);
}

/** A varint. */
export function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const more = rest > 127n;
    bytes.push(Number(rest & 127n) | (more ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

/** A varint field. */
export function numberField(number: number, value: number | bigint): Piece[] {
  return [varint(number * 8), varint(value)];
}

/** A field of bytes: a message, or a text. */
export function bytesField(number: number, content: readonly Piece[] | string): Piece[] {
  const pieces = typeof content === "string" ? [Buffer.from(content)] : content;
  return [varint(number * 8 + 2), varint(pieceBytes(pieces)), ...pieces];
}
