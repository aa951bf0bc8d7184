import { describe, expect, it } from "@jest/globals";
import { attachAll, receiveNow, sendNothing } from "./spmd/attach.js";

describe("a rank that closes", () => {
  it("fails the waits of its peers for its messages at once, under way and to come", async () => {
    const {
      ranks: [one, other],
    } = attachAll({ ranks: 2 });
    sendNothing(one);
    const waits = one.receive({ timeoutMs: Number.POSITIVE_INFINITY });
    await other.close();
    await expect(waits).rejects.toMatchObject({ code: "EMBEDDING_RANK_LOST", rank: 1, step: 0 });
    await expect(one.receive()).rejects.toMatchObject({ code: "EMBEDDING_RANK_LOST", rank: 1 });
    expect(() => one.receiveSync()).toThrow(expect.objectContaining({ code: "EMBEDDING_RANK_LOST", rank: 1 }));
  });

  it("fails the waits of its peers for its credit", async () => {
    const {
      ranks: [one, other],
    } = attachAll({ ranks: 2, lagBound: 0 });
    sendNothing(one);
    sendNothing(one);
    sendNothing(other);
    receiveNow(one);
    const waits = one.reserve();
    other.closeSync();
    await expect(waits).rejects.toMatchObject({ code: "EMBEDDING_RANK_LOST", rank: 1, step: 2 });
  });

  it("leaves what it published to be received", async () => {
    const {
      ranks: [one, other],
    } = attachAll({ ranks: 2 });
    sendNothing(one);
    sendNothing(other);
    await other.close();
    expect(receiveNow(one)).toBe(0);
    await one.close();
  });

  it("waits until its peers can take what it has published", async () => {
    const {
      ranks: [one, other],
      counters,
    } = attachAll({ ranks: 2, lagBound: 0, counterStart: 0 });
    sendNothing(one);
    sendNothing(one);
    const closes = one.close();
    expect(counters.published(0, 1)).toBe(1);
    sendNothing(other);
    receiveNow(other);
    await closes;
    expect(counters.published(0, 1)).toBe(2);
    sendNothing(other);
    expect(receiveNow(other)).toBe(1);
    await other.close();
  });

  it("does not wait for peers that have left", async () => {
    const {
      ranks: [one, other],
    } = attachAll({ ranks: 2, lagBound: 0 });
    sendNothing(one);
    sendNothing(one);
    await other.close();
    await one.close({ timeoutMs: 0 });
  });

  it("drops what it has reserved and keeps what it has received until that is released", async () => {
    const {
      ranks: [one, other],
      counters,
    } = attachAll({ ranks: 2, counterStart: 0 });
    sendNothing(one);
    sendNothing(other);
    const received = one.receiveSync();
    const send = one.reserveSync();
    await one.close();
    expect(() => send.publish([0, 0])).toThrow(expect.objectContaining({ code: "EMBEDDING_CLOSED" }));
    expect(received.segment(1)).toHaveLength(0);
    received.release();
    expect([counters.published(0, 1), counters.released(0)]).toEqual([1, 0]);
  });

  it("fails its own waits, and every call after", async () => {
    const {
      ranks: [one],
    } = attachAll({ ranks: 2 });
    sendNothing(one);
    const waits = one.receive();
    await one.close();
    const closed = expect.objectContaining({ code: "EMBEDDING_CLOSED", rank: 0 });
    await expect(waits).rejects.toEqual(closed);
    await expect(one.reserve()).rejects.toEqual(closed);
    expect(() => one.receiveSync()).toThrow(closed);
  });

  it("may close again", async () => {
    const { ranks } = attachAll({ ranks: 1 });
    await ranks[0].close();
    await ranks[0].close();
    ranks[0].closeSync();
    ranks[0].abort();
  });
});

describe("a rank that aborts", () => {
  it("fails the waits of all, also of ranks that wait for others", async () => {
    const {
      ranks: [one, , third],
    } = attachAll({ ranks: 3 });
    sendNothing(one);
    const waits = one.receive();
    third.abort();
    await expect(waits).rejects.toMatchObject({ code: "EMBEDDING_RANK_LOST", rank: 2, step: 0 });
  });

  it("does not keep the others from closing", async () => {
    const {
      ranks: [one, other, third],
    } = attachAll({ ranks: 3, lagBound: 0 });
    sendNothing(one);
    sendNothing(one);
    const closes = one.close();
    third.abort();
    await closes;
    await other.close({ timeoutMs: 0 });
  });
});
