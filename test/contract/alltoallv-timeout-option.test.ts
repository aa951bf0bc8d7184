import { expect, it } from "@jest/globals";
import { attachAll } from "../collective/spmd/attach.js";

it("Alltoallv: a timeout is a number of milliseconds from 0 to Infinity", async () => {
  const {
    ranks: [only],
  } = attachAll({ ranks: 1 });
  for (const timeoutMs of [-1, Number.NaN, "5"] as number[]) {
    const refused = expect.objectContaining({ code: "EMBEDDING_OPTIONS", got: timeoutMs });
    expect(() => only.reserveSync({ timeoutMs })).toThrow(refused);
    await expect(only.receive({ timeoutMs })).rejects.toEqual(refused);
    await expect(only.close({ timeoutMs })).rejects.toEqual(refused);
  }
  // Refused options leave the rank as it was.
  only.reserveSync({ timeoutMs: Number.POSITIVE_INFINITY }).publish([0]);
  only.receiveSync({ timeoutMs: 0 }).release();
});
