import { expect, it } from "@jest/globals";
import { attachAll, sendNothing } from "../collective/spmd/attach.js";

it("Alltoallv: one reserve is under way at a time, and a refused one does not disturb it", async () => {
  const {
    ranks: [one],
  } = attachAll({ ranks: 2, lagBound: 0 });
  sendNothing(one);
  sendNothing(one);
  const waits = one.reserve({ timeoutMs: 20 });
  await expect(one.reserve()).rejects.toMatchObject({ code: "EMBEDDING_PROTOCOL", got: "a second reserve" });
  await expect(waits).rejects.toMatchObject({ code: "EMBEDDING_TIMEOUT" });
});
