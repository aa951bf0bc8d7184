import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { golden } from "./golden.js";
import { exactFloats, scratch } from "./make.js";
import { floatsOf, withModel } from "./read.js";
import { expectRefusal } from "./refusal.js";

const NUM_ROWS = 7;
const DIM = 5;

describe("an array that numpy wrote", () => {
  it.each([
    "little-f4",
    "little-f2",
    "little-f8",
    "fortran",
    "fortran-half",
    "version-2",
    "version-3",
  ])("%s.npy is a table of that name", (name) =>
    withModel(golden(`${name}.npy`), async (model) => {
      expect(model).toMatchObject({ name, format: "npy", tableBytes: NUM_ROWS * DIM * 4, leftOut: [] });
      expect(model.tables).toMatchObject([{ name, numRows: NUM_ROWS, dim: DIM }]);
      expect(await floatsOf(model.tables[0])).toEqual(exactFloats(NUM_ROWS * DIM));
    }));

  it.each(["stored", "deflated"])("%s.npz gives its 2-D arrays in the archive's order, as often as asked", (name) =>
    withModel(golden(`${name}.npz`), async (model) => {
      expect(model.tables.map((table) => [table.name, table.numRows, table.dim, table.stored.type])).toEqual([
        ["user", NUM_ROWS, DIM, "<f4"],
        ["item", 3, 2, "<f2"],
        ["last", 2, 9, "<f8"],
      ]);
      expect(model.leftOut).toEqual([{ name: "bias.npy", reason: "shape [4], a table has two dimensions" }]);
      for (let round = 0; round < 2; round += 1) {
        const values = await Promise.all(model.tables.map(floatsOf));
        expect(values).toEqual([exactFloats(35), exactFloats(6), exactFloats(18)]);
      }
    }));

  it.each(["zip64", "fortran"])("%s.npz is read like any other", (name) =>
    withModel(golden(`${name}.npz`), async ({ tables: [table] }) => {
      expect(table).toMatchObject({ name: "t", numRows: NUM_ROWS, dim: DIM });
      expect(await floatsOf(table)).toEqual(exactFloats(NUM_ROWS * DIM));
    }));

  it.each<[string, RegExp]>([
    ["big-f4.npy", /got type >f4, rows are <f4, <f2 or <f8 \(little-endian: astype\('<f4'\)\)/],
    ["little-i4.npy", /got type <i4, rows are/],
    ["vector.npy", /got shape \[5\], a table has two dimensions/],
    ["record.npy", /got type a record/],
    ["fortran-deflated.npz", /member "t.npy": got Fortran order in a deflated member, expected row-major order/],
  ])("%s is refused by name", (name, message) => expectRefusal(golden(name), message));
});

/** A .npy file with any text as header. */
function npy(header: string, dataBytes = 0, version = 1): Uint8Array {
  const prefix = Buffer.from([0x93, ...Buffer.from("NUMPY"), version, 0, header.length & 255, header.length >> 8]);
  return Buffer.concat([prefix, Buffer.from(header), Buffer.alloc(dataBytes)]);
}

describe("a broken .npy file", () => {
  const form = (fields: string): string => `{'descr': '<f4', ${fields}}`;
  it.each<[string, Uint8Array, RegExp]>([
    ["that is empty", new Uint8Array(0), /do not start with \\x93NUMPY/],
    ["of another kind", Buffer.from("PK\u0003\u0004 and more"), /do not start with/],
    ["of version 9", npy("{}", 0, 9), /npy version 9.0, expected 1.0, 2.0 or 3.0/],
    ["cut in the header", npy(form("'fortran_order': False")).subarray(0, 20), /truncated/],
    ["whose header is code", npy("__import__('os').system('true')"), /header: got ".*", expected \{'descr'/],
    ["with an expression in it", npy(form("'fortran_order': False, 'shape': (2*2, 1)")), /expected \{'descr'/],
    ["with brackets without end", npy("(".repeat(5000)), /expected \{'descr'/],
    ["with a key twice", npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)}", 4), /expected \{'descr'/],
    ["without a shape", npy(form("'fortran_order': False")), /expected \{'descr'/],
    ["with a negative extent", npy(form("'fortran_order': False, 'shape': (-1, 4)"), 16), /shape: got .*whole numbers/],
    ["whose shape's product overflows", npy(form("'fortran_order': False, 'shape': (4294967296, 4294967296)"), 16), /product below 2\^53/],
    [
      "cut in the data",
      npy(form("'fortran_order': False, 'shape': (2, 2)"), 15),
      /got 15 bytes behind the header, expected 16 .*truncated/,
    ],
    ["with bytes too many", npy(form("'fortran_order': False, 'shape': (2, 2)"), 17), /got 17 bytes behind the header, expected 16/],
    ["without rows", npy(form("'fortran_order': False, 'shape': (0, 2)")), /shape \[0, 2\], a table has 1 to/],
  ])("%s ends in one line", async (_, bytes, message) => {
    using folder = scratch();
    await expectRefusal(folder.write("a.npy", bytes), message);
  });
});

describe("a broken .npz file", () => {
  const deflated = readFileSync(golden("deflated.npz"));
  const stored = readFileSync(golden("stored.npz"));
  const patched = (bytes: Uint8Array, patch: (view: DataView, directory: number) => void): Uint8Array => {
    const copy = Uint8Array.from(bytes);
    const view = new DataView(copy.buffer);
    patch(view, view.getUint32(copy.length - 6, true));
    return copy;
  };
  it.each<[string, Uint8Array, RegExp]>([
    ["that is empty", new Uint8Array(0), /no end record of a zip archive/],
    ["that is cut", deflated.subarray(0, deflated.length - 30), /no end record/],
    [
      "that claims more than deflate can hold",
      patched(deflated, (v, at) => v.setUint32(at + 24, 0x7fffffff, true)),
      /claim to hold 2147483647, expected at most/,
    ],
    [
      "that holds more than it claims",
      patched(deflated, (v, at) => v.setUint32(at + 24, 200, true)),
      /got 72 bytes behind the header|more than 200 bytes/,
    ],
    ["with a wrong checksum", patched(stored, (v, at) => v.setUint32(at + 16, 1, true)), /checksum [0-9a-f]{8}, expected 00000001/],
    ["with an encrypted member", patched(stored, (v, at) => v.setUint16(at + 8, 1, true)), /encrypted/],
    ["with an unknown method", patched(stored, (v, at) => v.setUint16(at + 10, 12, true)), /compression method 12/],
    [
      "with more members than there are",
      patched(stored, (v) => v.setUint16(stored.length - 12, 50, true)),
      /ends after 4 members, expected 50/,
    ],
    ["with a header elsewhere", patched(stored, (v, at) => v.setUint32(at + 42, 7, true)), /no header at byte 7/],
    ["with a member beyond the file", patched(stored, (v, at) => v.setUint32(at + 42, 0x7ffffff0, true)), /a header at byte 2147483632/],
    [
      "with a member twice in the same bytes",
      patched(stored, (v, at) => {
        const next = at + 46 + v.getUint16(at + 28, true) + v.getUint16(at + 30, true);
        for (const field of [20, 24, 42]) v.setUint32(next + field, v.getUint32(at + field, true), true);
      }),
      /members overlap/,
    ],
  ])("%s ends in one line", async (_, bytes, message) => {
    using folder = scratch();
    await expectRefusal(folder.write("a.npz", bytes), message);
  });
});
