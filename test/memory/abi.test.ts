import { describe, expect, it } from "@jest/globals";
import { ABI_VERSION, checkAbi, LAYOUT } from "#host/memory/abi.js";
import { hasMultiMemory, loadKernel } from "#host/memory/kernel.js";
import { ROW_DTYPES } from "#host/rows/rows.js";

function describeLayout(change: object = {}, version: unknown = ABI_VERSION, features: readonly string[] = ROW_DTYPES): string {
  return JSON.stringify({ version, features, layout: { ...LAYOUT, ...change } });
}

it.each(hasMultiMemory() ? (["one", "two"] as const) : (["one"] as const))("the built module for memory %s matches the host", (mode) => {
  expect(() => loadKernel(mode)).not.toThrow();
});

describe("a module that does not match is refused", () => {
  it.each([
    ["another version", describeLayout({}, 99), /got ABI version 99, expected 3/],
    ["another offset", describeLayout({ JOB_PADDING: 40 }), /got JOB_PADDING = 40, expected 36/],
    ["a missing field", describeLayout({ PIECE_BYTES: undefined }), /got PIECE_BYTES = undefined, expected 64/],
    ["a missing row format", describeLayout({}, ABI_VERSION, ["fp32", "int8"]), /got no row format fp16, expected fp32, fp16, int8/],
    ["no JSON", "AssemblyScript", /no JSON: AssemblyScript/],
  ])("with what was got and expected: %s", (_, description, message) => {
    expect(() => checkAbi(description, "k.wasm")).toThrow(
      expect.objectContaining({ code: "EMBEDDING_ABI", message: expect.stringMatching(message) }),
    );
  });
});
