/**
 * Arrays of integers in numpy's .npy format:
 *
 *     0 \x93NUMPY   6 version, major and minor   8 bytes of the header, uint16 (version 1) or uint32   10 or 12 the header: a Python dictionary
 */
const MAGIC = "\x93NUMPY";
const INT32_MIN = -(2n ** 31n);
const INT32_MAX = 2n ** 31n - 1n;

/**
 * Reads a one-dimensional array of 32- or 64-bit integers, little-endian.
 * @throws an Error that says what is wrong, an integer that an int32 cannot hold included
 */
export function readIntegers(file: Buffer): Int32Array {
  if (file.toString("latin1", 0, 6) !== MAGIC || file.length < 12) throw new Error("no .npy array: it does not begin with \\x93NUMPY");
  const isFirst = file[6] === 1;
  const headerAt = isFirst ? 10 : 12;
  const end = headerAt + (isFirst ? file.readUInt16LE(8) : file.readUInt32LE(8));
  const header = file.toString("latin1", headerAt, end);
  const type = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  const lengths = (shape ?? "").split(",").filter((part) => part.trim() !== "");
  if (end > file.length || type === undefined || shape === undefined) throw new Error("its header cannot be read");
  if (lengths.length !== 1) throw new Error(`got an array of shape (${shape}), expected one dimension`);
  const bits = { "<i4": 32, "<u4": 32, "<i8": 64, "<u8": 64 }[type];
  if (bits === undefined) throw new Error(`got an array of type ${type}, expected int32 or int64 (<i4, <i8, <u4, <u8)`);
  const count = Number(lengths[0]);
  const bytes = (count * bits) / 8;
  if (!(file.length - end === bytes))
    throw new Error(`got ${file.length - end} bytes of data, expected ${bytes}: ${count} of type ${type}`);
  // A copy: the data need not lie on a border that typed arrays ask for.
  const data = new Uint8Array(file.subarray(end)).buffer;
  if (type === "<i4") return new Int32Array(data);
  const wide = type === "<u4" ? new Uint32Array(data) : type === "<i8" ? new BigInt64Array(data) : new BigUint64Array(data);
  return narrow(wide);
}

function narrow(values: Uint32Array | BigInt64Array | BigUint64Array): Int32Array {
  const narrowed = new Int32Array(values.length);
  for (let n = 0; n < values.length; n += 1) {
    const value = values[n];
    if (value < INT32_MIN || value > INT32_MAX) throw new Error(`element ${n}: got ${value}, expected a number below 2^31`);
    narrowed[n] = Number(value);
  }
  return narrowed;
}
