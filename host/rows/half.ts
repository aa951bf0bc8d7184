/**
 * fp16 (IEEE 754 binary16) from and to fp32, on bits: Node 20 has no Float16Array.
 *
 *     15   14 ... 10   9 ... 0
 *     sign  exponent   mantissa       exponent 0: +-mantissa x 2^-24; 31: infinity (mantissa 0) or NaN; else 2^(exponent - 15) x 1.mantissa
 */

const SIGN_SHIFT = 16;
const HALF_INFINITY = 0x7c00;
const HALF_QUIET_NAN = 0x7e00;
const FLOAT_INFINITY = 0x7f800000;
/** 65520: half way from the largest half, 65504, to the next power of two. From here on the nearest half is infinity. */
const FLOAT_OVERFLOW = 0x477ff000;
/** 2^-14, the smallest normal half. */
const FLOAT_SMALLEST_NORMAL = 0x38800000;
/** The exponents' biases apart: (127 - 15) << 23. */
const REBIAS = 0x38000000;
const DROPPED_BITS = 13;
const ALL_HALVES = 65536;

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** The bits of the half nearest to the float whose bits are given, ties to even. NaN stays NaN, quiet, with the payload's upper bits. */
export function halfOfBits(bits: number): number {
  const sign = (bits >>> SIGN_SHIFT) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= FLOAT_OVERFLOW) {
    return sign | (magnitude > FLOAT_INFINITY ? HALF_QUIET_NAN | ((magnitude >>> DROPPED_BITS) & 0x1ff) : HALF_INFINITY);
  }
  if (magnitude < FLOAT_SMALLEST_NORMAL) {
    // Floats from 0.5 on are 2^-24 apart, as subnormal halves are: the addition rounds.
    scratchBits[0] = magnitude;
    scratch[0] += 0.5;
    return sign | (scratchBits[0] - 0x3f000000);
  }
  // To even: half of the dropped bits' range, less one where the kept part is even. A carry into the exponent is right as it is.
  return sign | ((magnitude - REBIAS + 0xfff + ((magnitude >>> DROPPED_BITS) & 1)) >>> DROPPED_BITS);
}

/** The bits of the half nearest to a number that fp32 can hold; others are rounded to fp32 first. */
export function halfOf(value: number): number {
  scratch[0] = value;
  return halfOfBits(scratchBits[0]);
}

/** The value of a half, exactly. */
function decode(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const mantissa = half & 0x3ff;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25));
}

let table: Float32Array | undefined;

/** The value of every half by its bits: 256 KiB, made when first asked for. Not to be written to. */
export function halfValues(): Float32Array {
  table ??= Float32Array.from({ length: ALL_HALVES }, (_, half) => decode(half));
  return table;
}
