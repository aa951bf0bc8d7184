import { expect, it } from "@jest/globals";
import { attachAll, sendNothing } from "../collective/spmd/attach.js";

it("Alltoallv: one received step is held at a time", async () => {
  const {
    ranks: [only],
  } = attachAll({ ranks: 1 });
  sendNothing(only);
  sendNothing(only);
  const received = only.receiveSync();
  const refused = { code: "EMBEDDING_PROTOCOL", rank: 0, got: "receive while step 0 is received and not released" };
  expect(() => only.receiveSync()).toThrow(expect.objectContaining(refused));
  await expect(only.receive()).rejects.toMatchObject(refused);
  received.release();
  expect(only.receiveSync().step).toBe(1);
});
