import { expect, it } from "@jest/globals";
import { Alltoallv, type AlltoallvOptions } from "lagbag";

it("Alltoallv: options outside their limits are refused, with what was got", () => {
  const refused = (options: unknown, got: unknown): void =>
    expect(() => Alltoallv.allocate(options as AlltoallvOptions)).toThrow(expect.objectContaining({ code: "EMBEDDING_OPTIONS", got }));
  const good = { ranks: 2, segmentBytes: 8 };
  refused(undefined, undefined);
  for (const ranks of [0, 65, 1.5, "2", undefined]) refused({ ...good, ranks }, ranks);
  for (const lagBound of [-1, 1023, 0.5, "1", Number.NaN]) refused({ ...good, lagBound }, lagBound);
  for (const segmentBytes of [-1, 0.5, "8", Number.NaN, undefined]) refused({ ...good, segmentBytes }, segmentBytes);
  for (const counterStart of [2 ** 32, 0.5, -(2 ** 31) - 1]) refused({ ...good, counterStart }, counterStart);
  refused({ ...good, segmentBytes: [[8, 8]] }, 1);
  refused({ ...good, segmentBytes: [[8, 8], [8]] }, 1);
  refused({ ...good, segmentBytes: [[8, 8], 8] }, undefined);
  refused(
    {
      ...good,
      segmentBytes: [
        [8, 8],
        [8, -1],
      ],
    },
    -1,
  );
});
