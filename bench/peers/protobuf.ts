/** The part of Protocol Buffers' encoding that an ONNX model needs: varints and length-delimited fields. */

const VARINT = 0;
const DELIMITED = 2;

/** An encoded field: pieces that are joined once, at the very end, so that rows are not copied again and again. */
export type Field = readonly Uint8Array[];

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** An integer, 0 to 2^53 - 1. */
export function integer(field: number, value: number): Field {
  return [varint(field * 8 + VARINT), varint(value)];
}

/** Bytes, or text as UTF-8. */
export function bytes(field: number, value: Uint8Array | string): Field {
  const content = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return [varint(field * 8 + DELIMITED), varint(content.length), content];
}

/** A message within a message. */
export function message(field: number, ...fields: readonly Field[]): Field {
  const content = fields.flat();
  return [varint(field * 8 + DELIMITED), varint(content.reduce((sum, { length }) => sum + length, 0)), ...content];
}

/** A whole message as bytes. */
export function encode(...fields: readonly Field[]): Uint8Array {
  return Buffer.concat(fields.flat());
}
