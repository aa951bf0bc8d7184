import { expect, it } from "@jest/globals";
import { attachAll, sendNothing } from "../collective/spmd/attach.js";

it("Alltoallv: segments are asked for by a rank of the collective", () => {
  const { ranks } = attachAll({ ranks: 2 });
  const send = ranks[0].reserveSync();
  for (const receiver of [-1, 2, 0.5, Number.NaN]) {
    expect(() => send.segment(receiver)).toThrow(expect.objectContaining({ code: "EMBEDDING_OPTIONS", got: receiver }));
  }
  send.publish([0, 0]);
  sendNothing(ranks[1]);
  const received = ranks[0].receiveSync();
  for (const source of [-1, 2, 0.5, Number.NaN]) {
    expect(() => received.segment(source)).toThrow(expect.objectContaining({ code: "EMBEDDING_OPTIONS", got: source }));
  }
});
