import { expect, it } from "@jest/globals";
import { attachAll, sendNothing } from "../collective/spmd/attach.js";

it("Alltoallv: the second release of a step releases nothing", () => {
  const {
    ranks: [only],
    counters,
  } = attachAll({ ranks: 1, counterStart: 0 });
  sendNothing(only);
  sendNothing(only);
  const received = only.receiveSync();
  received.release();
  received.release();
  expect(counters.released(0)).toBe(1);
  expect(only.receiveSync().step).toBe(1);
});
