import { expect, it } from "@jest/globals";
import { attachAll } from "../collective/spmd/attach.js";

it("Alltoallv: lengths are one for each receiver, whole, and within the segments; after a refusal the step is still open", () => {
  const {
    ranks: [one],
    counters,
  } = attachAll({
    ranks: 2,
    segmentBytes: [
      [4, 8],
      [0, 0],
    ],
    counterStart: 0,
  });
  const send = one.reserveSync();
  const refused = (lengths: unknown, got: unknown): void =>
    expect(() => send.publish(lengths as number[])).toThrow(expect.objectContaining({ code: "EMBEDDING_OPTIONS", got }));
  refused([5, 8], 5);
  refused([4, 9], 9);
  refused([4, -1], -1);
  refused([0.5, 0], 0.5);
  refused([4, "8"], "8");
  refused([4], 1);
  refused([4, 8, 0], 3);
  refused(undefined, undefined);
  expect(counters.published(0, 0)).toBe(0);
  send.publish([4, 8]);
  expect(counters.published(0, 0)).toBe(1);
});
