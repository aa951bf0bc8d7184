import { expect, it } from "@jest/globals";
import { attachAll } from "../collective/spmd/attach.js";

it("Alltoallv: a step is published once; the second publish changes nothing", () => {
  const {
    ranks: [only],
    counters,
  } = attachAll({ ranks: 1, counterStart: 0 });
  const send = only.reserveSync();
  send.publish([1]);
  expect(() => send.publish([2])).toThrow(
    expect.objectContaining({ code: "EMBEDDING_PROTOCOL", rank: 0, step: 0, got: "publish after publish", expected: "reserve first" }),
  );
  expect(counters.published(0, 0)).toBe(1);
  expect(only.receiveSync().segment(0)).toHaveLength(1);
});
