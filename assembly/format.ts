/**
 * Codes to floats, four at a time, for the row formats that are not fp32. What a row looks like is drawn in host/rows/stored.ts: codes as FBGEMM packs
 * them (the first column in the lowest bits), scale and bias as two fp32.
 */

// The format as a type: each instance of a generic kernel below keeps the code of one format.
export type Fp16 = u8;
export type Int8 = u16;
export type Int4 = u32;
export type Int2 = u64;
/** fp16 without infinities and NaN. */
export type FiniteFp16 = v128;

// @ts-ignore: decorator
@inline
export function isFp16<Format>(): bool {
  return sizeof<Format>() == sizeof<Fp16>() || sizeof<Format>() == sizeof<FiniteFp16>();
}

const TWO_TO_112: f32 = 5192296858534827628530496329220096.0;

/** Bytes of `columns` codes, whole ones: columns is a multiple of 8. */
// @ts-ignore: decorator
@inline
export function codeBytes<Format>(columns: usize): usize {
  if (isFp16<Format>()) return columns << 1;
  if (sizeof<Format>() == sizeof<Int8>()) return columns;
  if (sizeof<Format>() == sizeof<Int4>()) return columns >> 1;
  return columns >> 2;
}

/**
 * 16 codes as bytes, in column order. Of int4 and int2 a byte is repeated for each code in it, and each copy keeps its own code's bits where
 * they are: lane c holds code * 16^(c mod 2), or code * 4^(c mod 4), and scaleOf() takes the power out again.
 */
// @ts-ignore: decorator
@inline
export function codes16<Format>(ptr: usize): v128 {
  if (sizeof<Format>() == sizeof<Int8>()) return v128.load(ptr);
  if (sizeof<Format>() == sizeof<Int4>()) {
    const bytes = v128.load64_zero(ptr);
    const twice = v128.shuffle<u8>(bytes, bytes, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    return v128.and(twice, i16x8.splat(<i16>0xf00f));
  }
  const bytes = v128.load32_zero(ptr);
  const twice = v128.shuffle<u8>(bytes, bytes, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const fourfold = v128.shuffle<u8>(twice, twice, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23);
  return v128.and(fourfold, i32x4.splat(<i32>0xc0300c03));
}

/**
 * A row's scale for four columns, divided by what codes16() left in their codes. Exact: (scale / 16) * (code * 16) is rounded as scale * code
 * is, and no scale is lost by the division, as the smallest fp16 is 2^-24.
 */
// @ts-ignore: decorator
@inline
export function scaleOf<Format>(scale: usize): v128 {
  const all = v128.load32_splat(scale);
  if (sizeof<Format>() == sizeof<Int4>()) return f32x4.mul(all, f32x4(1, 0.0625, 1, 0.0625));
  if (sizeof<Format>() == sizeof<Int2>()) return f32x4.mul(all, f32x4(1, 0.25, 0.0625, 0.015625));
  return all;
}

/** f32(f32(scale * code) + bias) of four codes. */
// @ts-ignore: decorator
@inline
export function dequantised(codes: v128, scale: v128, bias: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(codes), scale), bias);
}

/**
 * Four halves, in the upper 16 bits of their lanes, as floats.
 *
 *     f = the exponent's bias mended by an integer addition       right for exponents 1 to 30
 *     f + min(f - 2^-14, 0)                                       exponent 0: 2^-15 (1 + m) becomes 2^-14 m, exactly; others gain 0
 *     exponent 31: infinity's exponent
 *
 * This takes all halves alike.
 */
// @ts-ignore: decorator
@inline
function anyHalves(upper: v128): v128 {
  const magnitude = i32x4.shr_u(v128.and(upper, i32x4.splat(0x7fff0000)), 3);
  const rebiased = i32x4.add(magnitude, i32x4.splat(0x38000000));
  const value = f32x4.add(rebiased, f32x4.pmin(f32x4.sub(rebiased, f32x4.splat(0.00006103515625)), f32x4.splat(0)));
  const special = v128.and(f32x4.ge(value, f32x4.splat(65536)), i32x4.splat(0x7f800000));
  return v128.or(v128.or(value, special), v128.and(upper, i32x4.splat(0x80000000)));
}

/**
 * The same for finite halves in a third of the instructions: put where a float has them, sign, exponent and mantissa are the value times 2^-112, and
 * the product is exact. But a subnormal half is a subnormal float then, and those cost some processors 150 cycles each: this is for
 * tables that have hardly any (host/rows/halves-seen.ts).
 */
// @ts-ignore: decorator
@inline
function finiteHalves(upper: v128): v128 {
  return f32x4.mul(v128.and(i32x4.shr_s(upper, 3), i32x4.splat(0x8fffe000)), f32x4.splat(TWO_TO_112));
}

// @ts-ignore: decorator
@inline
function halves<Format>(upper: v128): v128 {
  return sizeof<Format>() == sizeof<FiniteFp16>() ? finiteHalves(upper) : anyHalves(upper);
}

// @ts-ignore: decorator
@inline
export function lowHalves<Format>(eight: v128): v128 {
  return halves<Format>(v128.shuffle<u8>(i32x4.splat(0), eight, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23));
}

// @ts-ignore: decorator
@inline
export function highHalves<Format>(eight: v128): v128 {
  return halves<Format>(v128.shuffle<u8>(i32x4.splat(0), eight, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31));
}
