import { expect, it } from "@jest/globals";
import { Alltoallv, type AlltoallvShared } from "lagbag";

it("Alltoallv: a rank is attached to what allocate returned, and lies within it", () => {
  const shared = Alltoallv.allocate({ ranks: 2, segmentBytes: 8 });
  const refused = (object: unknown, rank: unknown = 0): void =>
    expect(() => Alltoallv.attach(object as AlltoallvShared, rank as number)).toThrow(
      expect.objectContaining({ code: "EMBEDDING_OPTIONS" }),
    );
  refused(undefined);
  refused({});
  refused({ ...shared, ranks: 3 });
  refused({ ...shared, lagBound: 100 });
  refused({ ...shared, buffer: new SharedArrayBuffer(64) });
  refused({ ...shared, buffer: undefined });
  refused({ ...shared, segmentBytes: undefined });
  for (const rank of [-1, 2, 0.5, "0", null]) refused(shared, rank);
  // None of them took the place.
  expect(Alltoallv.attach(shared, 0).rank).toBe(0);
});
