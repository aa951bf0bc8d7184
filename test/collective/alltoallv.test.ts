import { describe, expect, it } from "@jest/globals";
import { Alltoallv } from "lagbag";
import { attachAll, receiveNow, sendNothing } from "./spmd/attach.js";
import { checkAll, sendAll } from "./spmd/steps.js";

const SEED = 20_260_101;
const NOW = { timeoutMs: 0 };

/** Each rank sends and receives in two loops of its own, side by side on this thread. */
async function exchange(ranks: readonly Alltoallv[], stepCount: number): Promise<void> {
  const sendLoop = async (collective: Alltoallv): Promise<void> => {
    for (let step = 0; step < stepCount; step += 1) sendAll(collective, await collective.reserve(), SEED);
  };
  const receiveLoop = async (collective: Alltoallv): Promise<void> => {
    for (let step = 0; step < stepCount; step += 1) {
      const received = await collective.receive();
      expect(received.step).toBe(step);
      expect(checkAll(collective, received, SEED)).toBeUndefined();
      received.release();
    }
  };
  await Promise.all(ranks.flatMap((collective) => [sendLoop(collective), receiveLoop(collective)]));
  await Promise.all(ranks.map((collective) => collective.close()));
}

describe("the messages of an alltoallv", () => {
  it.each(
    [1, 2, 3, 4].flatMap((ranks) => [0, 1, 2, 3, 4].map((lagBound): [number, number] => [ranks, lagBound])),
  )("of %i ranks with lag bound %i arrive whole, in order and once, wherever the counters wrap", async (ranks, lagBound) => {
    for (const counterStart of [0, 2 ** 31 - 3, 2 ** 32 - 3]) await exchange(attachAll({ ranks, lagBound, counterStart }).ranks, 25);
  });

  it("may be as long as their segment, of its own size for every pair, and empty", () => {
    const segmentBytes = [
      [0, 1],
      [1000, 64],
    ];
    const { ranks } = attachAll({ ranks: 2, segmentBytes });
    ranks.forEach((collective, source) => {
      const send = collective.reserveSync();
      expect([send.segment(0).length, send.segment(1).length]).toEqual(segmentBytes[source]);
      for (const receiver of [0, 1]) send.segment(receiver).fill(10 * source + receiver);
      send.publish(Uint32Array.from(segmentBytes[source]));
    });
    ranks.forEach((collective, receiver) => {
      const received = collective.receiveSync();
      for (const source of [0, 1]) {
        expect([...received.segment(source)]).toEqual(new Array(segmentBytes[source][receiver]).fill(10 * source + receiver));
      }
      received.release();
    });
  });

  it("start on cache lines, sent and received in the same place", () => {
    const { ranks } = attachAll({ ranks: 2, segmentBytes: 5 });
    const sent = ranks.map((collective) => {
      const send = collective.reserveSync();
      const places = [0, 1].map((receiver) => send.segment(receiver).byteOffset);
      send.publish([5, 5]);
      return places;
    });
    ranks.forEach((collective, receiver) => {
      const received = collective.receiveSync();
      for (const source of [0, 1]) {
        expect(received.segment(source).byteOffset).toBe(sent[source][receiver]);
        expect(received.segment(source).byteOffset % 64).toBe(0);
      }
    });
  });

  it("go through clones of the shared object", () => {
    const shared = Alltoallv.allocate({ ranks: 2, segmentBytes: 1 });
    const [one, other] = [Alltoallv.attach(structuredClone(shared), 0), Alltoallv.attach(structuredClone(shared), 1)];
    const send = one.reserveSync();
    send.segment(1)[0] = 7;
    send.publish([0, 1]);
    sendNothing(other);
    expect([...other.receiveSync(NOW).segment(0)]).toEqual([7]);
  });
});

describe("the lag bound", () => {
  it.each([0, 1, 2, 3, 7])("%i lets a rank write bound + 2 steps and hand over bound + 1 while a peer releases none", (lagBound) => {
    const {
      ranks: [fast, slow],
      counters,
    } = attachAll({ ranks: 2, lagBound, counterStart: 0 });
    for (let step = 0; step < lagBound + 2; step += 1) {
      expect(fast.canReserve()).toBe(true);
      sendNothing(fast);
    }
    expect(fast.canReserve()).toBe(false);
    expect(counters.published(0, 1)).toBe(lagBound + 1);
    expect(fast.progress()).toBe(false);

    // A release buys one more of each.
    sendNothing(slow);
    expect([receiveNow(slow), receiveNow(fast)]).toEqual([0, 0]);
    expect(fast.progress()).toBe(true);
    expect(counters.published(0, 1)).toBe(lagBound + 2);
    expect(fast.canReserve()).toBe(true);
  });

  it("defaults to 4", () => {
    expect(attachAll({ ranks: 1 }).ranks[0].lagBound).toBe(4);
  });

  it("does not make a rank that waits for messages sit on its own", async () => {
    const {
      ranks: [fast, slow],
    } = attachAll({ ranks: 2, lagBound: 0 });
    sendNothing(fast);
    sendNothing(fast);
    sendNothing(slow);
    expect([receiveNow(slow), receiveNow(fast)]).toEqual([0, 0]);
    // Step 1 of the fast rank was withheld until now. It goes while that rank sleeps in its receive.
    const waits = fast.receive();
    sendNothing(slow);
    expect(receiveNow(slow)).toBe(1);
    (await waits).release();
  });
});

describe("a call that may not wait", () => {
  it("says whether there is credit, and whether there are messages", () => {
    const {
      ranks: [one, other],
    } = attachAll({ ranks: 2, lagBound: 0 });
    expect([one.canReserve(), one.canReceive()]).toEqual([true, false]);
    sendNothing(one);
    sendNothing(one);
    expect([one.canReserve(), one.canReceive()]).toEqual([false, false]);
    sendNothing(other);
    expect([one.canReserve(), one.canReceive()]).toEqual([false, true]);
    receiveNow(one);
    receiveNow(other);
    expect([one.canReserve(), one.canReceive()]).toEqual([true, false]);
  });

  it("takes what is there at once and fails at once when there is nothing", async () => {
    const {
      ranks: [one, other],
    } = attachAll({ ranks: 2 });
    (await one.reserve(NOW)).publish([0, 0]);
    await expect(one.receive(NOW)).rejects.toMatchObject({ code: "EMBEDDING_TIMEOUT" });
    sendNothing(other);
    (await one.receive(NOW)).release();
  });
});

describe("loops on one thread", () => {
  it("a reserve wakes when a receive of the same rank releases", async () => {
    const {
      ranks: [only],
    } = attachAll({ ranks: 1, lagBound: 0 });
    sendNothing(only);
    sendNothing(only);
    const reserve = only.reserve();
    await Promise.resolve();
    receiveNow(only);
    expect((await reserve).step).toBe(2);
  });

  it("let the event loop run, also when they never have to wait", async () => {
    const {
      ranks: [only],
    } = attachAll({ ranks: 1 });
    let fired = false;
    setTimeout(() => {
      fired = true;
    }, 1);
    const end = performance.now() + 5000;
    while (!fired && performance.now() < end) {
      (await only.reserve()).publish([0]);
      (await only.receive()).release();
    }
    expect(fired).toBe(true);
  });
});
