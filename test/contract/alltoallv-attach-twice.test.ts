import { expect, it } from "@jest/globals";
import { Alltoallv } from "lagbag";

it("Alltoallv: each rank is attached once, also after it has left", async () => {
  const shared = Alltoallv.allocate({ ranks: 2, segmentBytes: 0 });
  const first = Alltoallv.attach(shared, 1);
  const refused = expect.objectContaining({ code: "EMBEDDING_PROTOCOL", rank: 1 });
  expect(() => Alltoallv.attach(shared, 1)).toThrow(refused);
  await first.close();
  expect(() => Alltoallv.attach(structuredClone(shared), 1)).toThrow(refused);
  expect(Alltoallv.attach(shared, 0).rank).toBe(0);
});
