import { describe, expect, it } from "@jest/globals";
import type { LagClass } from "#host/lookup/how.js";
import type { Lookup } from "#host/lookup/lookup.js";
import { LookupQueue } from "#host/lookup/queue.js";

/** What the queue looks at of a lookup. */
function lookup(lagClass: LagClass, caller?: unknown): Lookup {
  return { lagClass, caller } as Lookup;
}

/** Takes all lookups out, a step each, in the order of their turns. */
function drain(queue: LookupQueue): Lookup[] {
  const order: Lookup[] = [];
  while (queue.length > 0) {
    const { turn } = queue;
    const [head] = queue.next;
    queue.remove(head);
    queue.made(turn);
    order.push(head);
  }
  return order;
}

describe("LookupQueue", () => {
  it("lets latency lookups overtake bulk ones, and keeps the order of each class", () => {
    const queue = new LookupQueue();
    const [b0, l0, b1, l1] = [lookup("bulk"), lookup("latency"), lookup("bulk"), lookup("latency")];
    for (const one of [b0, l0, b1, l1]) queue.push(one);
    expect(drain(queue)).toEqual([l0, l1, b0, b1]);
    expect(queue.stats).toEqual({ queuedBulkLookups: 0, overtakingSteps: 2 });
  });

  it("keeps the order of a caller: its bulk lookups become as urgent as the one that comes behind them", () => {
    const queue = new LookupQueue();
    const caller = {};
    const [other, first, second, urgent] = [lookup("bulk", {}), lookup("bulk", caller), lookup("bulk", caller), lookup("latency", caller)];
    for (const one of [other, first, second, urgent]) queue.push(one);
    expect(drain(queue)).toEqual([first, second, urgent, other]);
  });

  it("knows no caller by undefined", () => {
    const queue = new LookupQueue();
    const [bulk, urgent] = [lookup("bulk"), lookup("latency")];
    queue.push(bulk);
    queue.push(urgent);
    expect(drain(queue)).toEqual([urgent, bulk]);
  });

  it("forgets no bulk lookup: one goes after 16 steps that overtook it", () => {
    const queue = new LookupQueue();
    queue.push(lookup("bulk"));
    for (let n = 0; n < 40; n += 1) queue.push(lookup("latency"));
    expect(drain(queue).findIndex(({ lagClass }) => lagClass === "bulk")).toBe(16);
  });

  it("leaves room in the ring while somebody is in a hurry, and none where the ring has less", () => {
    const queue = new LookupQueue();
    expect(queue.depthOf("bulk", 8)).toBe(8);
    queue.push(lookup("latency"));
    expect([queue.depthOf("bulk", 8), queue.depthOf("latency", 8), queue.depthOf("bulk", 1)]).toEqual([2, 8, 1]);
  });

  it("forgets a lookup that was settled while it waited, in either class", () => {
    const queue = new LookupQueue();
    const waiting = [lookup("bulk"), lookup("latency")];
    for (const one of waiting) queue.push(one);
    queue.remove(lookup("bulk"));
    expect(queue.length).toBe(2);
    for (const one of waiting) queue.remove(one);
    expect([queue.length, queue.count("bulk"), queue.count("latency")]).toEqual([0, 0, 0]);
  });
});
