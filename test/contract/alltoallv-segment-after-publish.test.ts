import { expect, it } from "@jest/globals";
import { attachAll } from "../collective/spmd/attach.js";

it("Alltoallv: a published step gives no segments to write", () => {
  const send = attachAll({ ranks: 1 }).ranks[0].reserveSync();
  send.publish([0]);
  expect(() => send.segment(0)).toThrow(expect.objectContaining({ code: "EMBEDDING_PROTOCOL", got: "segment after publish" }));
});
