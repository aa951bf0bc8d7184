import { expect, it } from "@jest/globals";
import { attachAll } from "../collective/spmd/attach.js";

it("Alltoallv: a closed rank takes no calls", async () => {
  const {
    ranks: [only],
  } = attachAll({ ranks: 1 });
  await only.close();
  const refused = expect.objectContaining({ code: "EMBEDDING_CLOSED", rank: 0 });
  expect(() => only.reserveSync()).toThrow(refused);
  expect(() => only.receiveSync()).toThrow(refused);
  await expect(only.reserve()).rejects.toEqual(refused);
  await expect(only.receive()).rejects.toEqual(refused);
});
