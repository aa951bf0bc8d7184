import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "@jest/globals";
import { Alltoallv, EmbeddingError } from "lagbag";
import { attachAll, receiveNow, sendNothing } from "./spmd/attach.js";

const SOON = { timeoutMs: 30 };

/** The error of a call that must fail. */
async function errorOf(call: Promise<unknown>): Promise<EmbeddingError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof EmbeddingError) return error;
  throw new Error(`got ${String(error)}, expected an EmbeddingError`);
}

describe("a silent rank", () => {
  it("is named by everyone who waits for its message, with the step", async () => {
    const { ranks } = attachAll({ ranks: 3 });
    for (const collective of ranks) sendNothing(collective);
    for (const collective of ranks) receiveNow(collective);
    const [one, other] = ranks;
    for (const collective of [one, other]) sendNothing(collective);
    for (const collective of [one, other]) {
      const error = await errorOf(collective.receive(SOON));
      expect(error).toMatchObject({ code: "EMBEDDING_TIMEOUT", rank: collective.rank, peer: 2, step: 1, expected: 30 });
      expect(error.got).toBeGreaterThanOrEqual(30);
      expect(error.message).toContain(`rank 2 has not published step 1 to rank ${collective.rank}`);
      expect(() => collective.receiveSync(SOON)).toThrow(expect.objectContaining({ peer: 2, step: 1 }));
    }
  });

  it("is named by who waits for its credit, with the step that is to be written", async () => {
    const {
      ranks: [one, other],
    } = attachAll({ ranks: 2, lagBound: 1 });
    for (let step = 0; step < 3; step += 1) sendNothing(one);
    sendNothing(other);
    receiveNow(one);
    const error = await errorOf(one.reserve(SOON));
    expect(error).toMatchObject({ code: "EMBEDDING_TIMEOUT", rank: 0, peer: 1, step: 3 });
    expect(error.message).toContain("rank 1 has every message of step 0 and has not released it");
  });

  it("is named over a rank that waits for it itself", async () => {
    const { ranks } = attachAll({ ranks: 3, lagBound: 0 });
    const [one, other, silent] = ranks;
    for (const collective of ranks) sendNothing(collective);
    receiveNow(one);
    receiveNow(other);
    sendNothing(one);
    sendNothing(other);
    // Rank 1 cannot write step 2 before rank 2 releases step 0, so rank 0, which waits for that step, waits for rank 2.
    sendNothing(silent);
    for (const collective of [one, other]) expect(receiveNow(collective)).toBe(1);
    for (const collective of [one, other]) {
      expect(await errorOf(collective.reserve(SOON))).toMatchObject({ rank: collective.rank, peer: 2, step: 2 });
    }
    const waits = await errorOf(one.receive(SOON));
    expect(waits).toMatchObject({ rank: 0, peer: 2, step: 2 });
  });

  it("that never attached is said so", async () => {
    const shared = Alltoallv.allocate({ ranks: 2, segmentBytes: 0 });
    const only = Alltoallv.attach(shared, 0);
    sendNothing(only);
    const error = await errorOf(only.receive(SOON));
    expect(error).toMatchObject({ rank: 0, peer: 1, step: 0 });
    expect(error.message).toContain("nobody has attached as rank 1");
  });

  it("may be the one that waits", async () => {
    const {
      ranks: [only],
    } = attachAll({ ranks: 1, lagBound: 0 });
    expect(await errorOf(only.receive(SOON))).toMatchObject({ code: "EMBEDDING_TIMEOUT", rank: 0, peer: 0, step: 0 });
    sendNothing(only);
    sendNothing(only);
    expect(await errorOf(only.reserve(SOON))).toMatchObject({ code: "EMBEDDING_TIMEOUT", rank: 0, peer: 0, step: 2 });
  });

  it("keeps a rank that closes from handing over, which leaves all the same", async () => {
    const {
      ranks: [one, other],
    } = attachAll({ ranks: 2, lagBound: 0 });
    for (let step = 0; step < 2; step += 1) sendNothing(one);
    expect(await errorOf(one.close(SOON))).toMatchObject({ code: "EMBEDDING_TIMEOUT", rank: 0, peer: 1, step: 1 });
    sendNothing(other);
    receiveNow(other);
    sendNothing(other);
    await expect(other.receive()).rejects.toMatchObject({ code: "EMBEDDING_RANK_LOST", rank: 0, step: 1 });
  });
});

describe("after a timeout", () => {
  it("the call may be made again, and succeeds when the peer has come round", async () => {
    const {
      ranks: [one, other],
    } = attachAll({ ranks: 2 });
    sendNothing(one);
    expect(await errorOf(one.receive(SOON))).toMatchObject({ code: "EMBEDDING_TIMEOUT" });
    const again = one.receive();
    sendNothing(other);
    (await again).release();
    expect(receiveNow(other)).toBe(0);
  });

  it("other calls under way keep their own deadlines", async () => {
    const {
      ranks: [one],
    } = attachAll({ ranks: 2, lagBound: 0 });
    sendNothing(one);
    sendNothing(one);
    const start = performance.now();
    const [patient, hasty] = [one.receive({ timeoutMs: 120 }), one.reserve({ timeoutMs: 30 })];
    await errorOf(hasty);
    expect(performance.now() - start).toBeLessThan(110);
    await errorOf(patient);
    expect(performance.now() - start).toBeGreaterThanOrEqual(119);
  });
});

it("a wait keeps the process alive until it is over", async () => {
  const program = `
    import { Alltoallv } from "lagbag";
    const collective = Alltoallv.attach(Alltoallv.allocate({ ranks: 2, segmentBytes: 0 }), 0);
    (await collective.reserve()).publish([0, 0]);
    await collective.receive({ timeoutMs: 100 }).catch((error) => console.log(error.code));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
  expect(stdout.trim()).toBe("EMBEDDING_TIMEOUT");
});
