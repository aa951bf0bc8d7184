import { expect, it } from "@jest/globals";
import { attachAll, receiveNow, sendNothing } from "../collective/spmd/attach.js";

it("Alltoallv: a thread does not block for what only it can do", () => {
  const {
    ranks: [only],
  } = attachAll({ ranks: 1, lagBound: 1 });
  expect(() => only.receiveSync()).toThrow(
    expect.objectContaining({ code: "EMBEDDING_PROTOCOL", got: "receiveSync of step 0, which this rank has not published" }),
  );
  for (let step = 0; step < 3; step += 1) sendNothing(only);
  expect(() => only.reserveSync()).toThrow(
    expect.objectContaining({
      code: "EMBEDDING_PROTOCOL",
      got: "reserveSync 3 steps ahead of the last release",
      expected: "at most 2: receive and release first",
    }),
  );
  receiveNow(only);
  sendNothing(only);
});
