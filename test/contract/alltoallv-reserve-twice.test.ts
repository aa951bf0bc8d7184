import { expect, it } from "@jest/globals";
import { attachAll } from "../collective/spmd/attach.js";

it("Alltoallv: one step is reserved at a time", async () => {
  const {
    ranks: [only],
  } = attachAll({ ranks: 1 });
  const send = only.reserveSync();
  const refused = { code: "EMBEDDING_PROTOCOL", rank: 0, got: "reserve while step 0 is reserved and not published" };
  expect(() => only.reserveSync()).toThrow(expect.objectContaining(refused));
  await expect(only.reserve()).rejects.toMatchObject(refused);
  send.publish([0]);
  expect(only.reserveSync().step).toBe(1);
});
