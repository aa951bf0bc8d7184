import { expect, it } from "@jest/globals";
import { attachAll, sendNothing } from "../collective/spmd/attach.js";

it("Alltoallv: a released step gives no segments to read", () => {
  const {
    ranks: [only],
  } = attachAll({ ranks: 1 });
  sendNothing(only);
  const received = only.receiveSync();
  received.release();
  expect(() => received.segment(0)).toThrow(expect.objectContaining({ code: "EMBEDDING_RELEASED", rank: 0, step: 0 }));
});
