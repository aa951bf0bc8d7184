import { expect, it } from "@jest/globals";
import { Alltoallv } from "lagbag";

it("Alltoallv: an area of more than 4 GiB is refused with the bytes that it would take", () => {
  // 4 receivers x 8 windows x 4 segments of 64 MiB and their headers, and the control words.
  const dataBytes = 4 * 8 * 4 * (2 ** 26 + 64);
  expect(() => Alltoallv.allocate({ ranks: 4, segmentBytes: 2 ** 26 })).toThrow(
    expect.objectContaining({
      code: "EMBEDDING_MEMORY_LIMIT",
      expected: 2 ** 32,
      message: expect.stringContaining("4 ranks and 8 windows"),
    }),
  );
  try {
    Alltoallv.allocate({ ranks: 4, segmentBytes: 2 ** 26 });
  } catch (error) {
    const { got } = error as { got: number };
    expect(got - dataBytes).toBeGreaterThan(0);
    expect(got - dataBytes).toBeLessThan(8192);
  }
});
