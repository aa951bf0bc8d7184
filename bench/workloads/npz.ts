/** Arrays of integers out of .npz files, by the readers that lagbag reads tables with. */
import { TableFile } from "#host/tables/file.js";
import { NPY_PREFIX_BYTES, npyTextRange, readNpyHeader } from "#host/tables/npy-header.js";
import { readZip, type ZipMember } from "#host/tables/zip.js";
import { memberBytes } from "#host/tables/zip-stream.js";

const INT32_MIN = -(2n ** 31n);
const INT32_MAX = 2n ** 31n - 1n;
const ELEMENT_BYTES: Readonly<Record<string, number>> = { "<i4": 4, "<u4": 4, "<i8": 8, "<u8": 8 };

/**
 * Reads one-dimensional arrays of 32- or 64-bit integers, stored or deflated, by their names.
 * @throws (rejects) an Error that names the file, the array, and what is wrong; an integer that an int32 cannot hold included
 */
export async function readNpzIntegers<Name extends string>(path: string, names: readonly Name[]): Promise<Record<Name, Int32Array>> {
  const file = await TableFile.open(path);
  try {
    const members = readZip(file);
    const arrays: Partial<Record<Name, Int32Array>> = {};
    for (const name of names) {
      const member = members.find((one) => one.name === `${name}.npy`);
      if (member === undefined) {
        const got = members.map((one) => one.name.replace(/\.npy$/, "")).join(", ") || "none";
        throw new Error(`${path}: got arrays ${got}, expected ${name} among them`);
      }
      arrays[name] = await readIntegers(file, member);
    }
    return arrays as Record<Name, Int32Array>;
  } finally {
    await file.close();
  }
}

async function readIntegers(file: TableFile, member: ZipMember): Promise<Int32Array> {
  const { path } = file;
  const where = `member ${member.name}`;
  const wrong = (got: string, expected: string): Error => new Error(`${path}: ${where}: got ${got}, expected ${expected}`);
  const parts: Uint8Array[] = [];
  // A chunk is valid until the next one only.
  for await (const chunk of memberBytes(file, member)) parts.push(chunk.slice());
  const bytes = Buffer.concat(parts);
  const { start, end } = npyTextRange(bytes.subarray(0, NPY_PREFIX_BYTES), { path, where });
  if (end > bytes.length) throw wrong(`${bytes.length} bytes`, `a header of ${end}`);
  const { descr, shape } = readNpyHeader(bytes.subarray(start, end), { path, where });
  const elementBytes = ELEMENT_BYTES[descr];
  if (elementBytes === undefined) throw wrong(`values of type ${descr}`, Object.keys(ELEMENT_BYTES).join(", "));
  if (shape.length !== 1) throw wrong(`an array of shape (${shape.join(", ")})`, "one dimension");
  if (bytes.length - end !== shape[0] * elementBytes) {
    throw wrong(`${bytes.length - end} bytes of values`, `${shape[0] * elementBytes}: ${shape[0]} of type ${descr}`);
  }
  // A copy: values need not lie on a border that typed arrays ask for.
  const { buffer } = new Uint8Array(bytes.subarray(end));
  if (descr === "<i4") return new Int32Array(buffer);
  const wide = descr === "<u4" ? new Uint32Array(buffer) : descr === "<i8" ? new BigInt64Array(buffer) : new BigUint64Array(buffer);
  const narrowed = new Int32Array(wide.length);
  for (let n = 0; n < wide.length; n += 1) {
    const value = wide[n];
    if (value < INT32_MIN || value > INT32_MAX) throw wrong(`${value} as element ${n}`, "a number below 2^31");
    narrowed[n] = Number(value);
  }
  return narrowed;
}
