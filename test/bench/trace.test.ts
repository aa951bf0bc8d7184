import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { UsageError } from "#bench/suite.js";
import { readTrace, type Trace, traceWorkload } from "#bench/workloads/trace.js";

/** numpy.savez and savez_compressed of indices [5, 0, 3, 3, 1, 2, 2] as int64 and offsets [0, 2, 2, 4, 7] as int32. */
const STORED =
  "UEsDBC0AAAAAAAAAIQC+i7f+//////////8LABQAaW5kaWNlcy5ucHkBABAAuAAAAAAAAAC4AAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxpOCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICg3LCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKBQAAAAAAAAAAAAAAAAAAAAMAAAAAAAAAAwAAAAAAAAABAAAAAAAAAAIAAAAAAAAAAgAAAAAAAABQSwMELQAAAAAAAAAhADDu3VL//////////wsAFABvZmZzZXRzLm5weQEAEACUAAAAAAAAAJQAAAAAAAAAk05VTVBZAQB2AHsnZGVzY3InOiAnPGk0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDUsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAgAAAAIAAAAEAAAABwAAAFBLAQItAy0AAAAAAAAAIQC+i7f+uAAAALgAAAALAAAAAAAAAAAAAACAAQAAAABpbmRpY2VzLm5weVBLAQItAy0AAAAAAAAAIQAw7t1SlAAAAJQAAAALAAAAAAAAAAAAAACAAfUAAABvZmZzZXRzLm5weVBLBQYAAAAAAgACAHIAAADGAQAAAAA=";
const DEFLATED =
  "UEsDBC0AAAAIAAAAIQC+i7f+//////////8LABQAaW5kaWNlcy5ucHkBABAAuAAAAAAAAABQAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TaaGuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GuY6mjoKtQoUAC5WBlTAjEYzQmkmNBoAUEsDBC0AAAAIAAAAIQAw7t1S//////////8LABQAb2Zmc2V0cy5ucHkBABAAlAAAAAAAAABOAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TaaKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GqY6mjoKtQoUAC4GIGCCYhYgZgdiAFBLAQItAy0AAAAIAAAAIQC+i7f+UAAAALgAAAALAAAAAAAAAAAAAACAAQAAAABpbmRpY2VzLm5weVBLAQItAy0AAAAIAAAAIQAw7t1STgAAAJQAAAALAAAAAAAAAAAAAACAAY0AAABvZmZzZXRzLm5weVBLBQYAAAAAAgACAHIAAAAYAQAAAAA=";

const folder = mkdtempSync(join(tmpdir(), "lagbag-trace-"));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function fileOf(bytes: Uint8Array): string {
  files += 1;
  const file = join(folder, `${files}.npz`);
  writeFileSync(file, bytes);
  return file;
}

const trace = (indices: readonly number[], offsets: readonly number[]): Trace => ({
  indices: Int32Array.from(indices),
  offsets: Int32Array.from(offsets),
});
const OPTIONS = { tables: 1, dim: 4, batchSize: 2, seed: 1, maxBytes: 1e6 };

describe("readTrace", () => {
  it.each([
    ["stored", STORED],
    ["deflated", DEFLATED],
  ])("reads what numpy has written, %s", async (_, text) => {
    expect(await readTrace(fileOf(Buffer.from(text, "base64")))).toEqual(trace([5, 0, 3, 3, 1, 2, 2], [0, 2, 2, 4, 7]));
  });

  it.each([STORED, DEFLATED])("refuses every cut and names the file", async (text) => {
    const whole = Buffer.from(text, "base64");
    const file = fileOf(whole);
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(file, whole.subarray(0, length));
      const failure: unknown = await readTrace(file).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(UsageError);
      expect((failure as Error).message).toContain(file);
    }
  });

  it.each([STORED, DEFLATED])("notices every bit that has changed in the data, or reads the same", async (text) => {
    const whole = Buffer.from(text, "base64");
    const file = fileOf(whole);
    for (let at = 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole);
      changed[at] ^= 0x10;
      writeFileSync(file, changed);
      const got: unknown = await readTrace(file).catch((error: unknown) => error);
      if (!(got instanceof UsageError)) expect(got).toEqual(trace([5, 0, 3, 3, 1, 2, 2], [0, 2, 2, 4, 7]));
    }
  });

  it("says which array is not there", async () => {
    const renamed = Buffer.from(Buffer.from(STORED, "base64").toString("latin1").replaceAll("offsets.npy", "offzets.npy"), "latin1");
    await expect(readTrace(fileOf(renamed))).rejects.toThrow("got arrays indices, offzets, expected offsets among them");
  });

  it("says so when there is no such file", async () => {
    await expect(readTrace(join(folder, "none.npz"))).rejects.toThrow(/none\.npz: got no such file/);
  });
});

describe("traceWorkload", () => {
  it("cuts one table's bags into batches, in order, and leaves a rest out", () => {
    const workload = traceWorkload("trace", trace([5, 0, 3, 3, 1, 2, 2], [0, 2, 2, 4, 6, 7]), OPTIONS);
    expect(workload.tables).toEqual([{ numRows: 6, dim: 4 }]);
    expect(workload.batches.map(({ indices, offsets }) => [[...indices], [...offsets]])).toEqual([
      [
        [5, 0],
        [0, 2, 2],
      ],
      [
        [3, 3, 1, 2],
        [0, 2, 4],
      ],
    ]);
    expect(workload.title).toContain("the last 1 samples left out");
    expect(workload.bagSizes).toEqual([2]);
    expect(workload.rowsPerBatch).toBe(3);
  });

  it("deals bags out to several tables, each as large as its own indices ask for", () => {
    const workload = traceWorkload("trace", trace([0, 1, 9, 4], [0, 1, 2, 3, 4]), { ...OPTIONS, tables: 2, batchSize: 1 });
    expect(workload.tables.map(({ numRows }) => numRows)).toEqual([2, 10]);
    expect(workload.batches.map(({ indices }) => [...indices])).toEqual([
      [0, 9],
      [1, 4],
    ]);
    expect(workload.bagSizes).toEqual([1, 1]);
  });

  it("never takes bags of none and of one row for bags of one", () => {
    expect(traceWorkload("trace", trace([3], [0, 1, 1]), OPTIONS).bagSizes).toEqual([2]);
  });

  it.each([
    [trace([1], [0]), "got 1 offsets"],
    [trace([1], [1, 1]), "offsets[0]: got 1, expected 0"],
    [trace([1, 2], [0, 2, 1, 2]), "offsets[2]: got 1, expected at least 2"],
    [trace([1, 2], [0, 1]), "offsets[1]: got 1, expected 2"],
    [trace([1, -2], [0, 2]), "indices[1]: got -2"],
    [trace([], [0, 0]), "all bags are empty"],
    [trace([2 ** 30], [0, 1]), "--max-table-mb"],
  ])("says what does not fit", (bad, message) => {
    expect(() => traceWorkload("trace", bad, OPTIONS)).toThrow(message);
    expect(() => traceWorkload("trace", bad, OPTIONS)).toThrow(UsageError);
  });

  it("wants as many bags for every table", () => {
    expect(() => traceWorkload("trace", trace([1, 2, 3], [0, 1, 2, 3]), { ...OPTIONS, tables: 2 })).toThrow(
      "got 3 bags, expected a multiple of the 2",
    );
  });
});
