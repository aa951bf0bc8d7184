import { setImmediate as yieldToEventLoop } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Counters } from "#host/collective/counters.js";
import { Doorbell } from "#host/collective/doorbell.js";

const LONG_MS = 10_000;

function sharedCounters(): Counters {
  const bytes = Counters.byteLength(1);
  return new Counters(new Int32Array(new SharedArrayBuffer(bytes)), 1);
}

describe("a doorbell", () => {
  // Atomics.waitAsync does not keep the event loop alive, a timer does.
  let alive: NodeJS.Timeout;
  beforeEach(() => {
    alive = setInterval(() => {}, 1000);
  });
  afterEach(() => clearInterval(alive));

  it("that rang between the reading and the wait ends the wait at once", async () => {
    const counters = sharedCounters();
    const bell = new Doorbell(counters, 0, 10);
    const seen = bell.read();
    counters.ring(0);
    const start = performance.now();
    expect(bell.spin(seen)).toBe(true);
    bell.waitBlocking(seen, LONG_MS);
    await bell.waitAsync(seen, LONG_MS);
    expect(performance.now() - start).toBeLessThan(LONG_MS / 10);
  });

  it("that does not ring leaves the wait to its timeout", async () => {
    const bell = new Doorbell(sharedCounters(), 0, 10);
    const seen = bell.read();
    const start = performance.now();
    expect(bell.spin(seen)).toBe(false);
    bell.waitBlocking(seen, 20);
    await bell.waitAsync(seen, 20);
    // Timers may fire a millisecond early.
    expect(performance.now() - start).toBeGreaterThanOrEqual(38);
  });

  it("ends all asynchronous waits with one ring", async () => {
    const counters = sharedCounters();
    const bell = new Doorbell(counters, 0, 0);
    const seen = bell.read();
    const waits = Array.from({ length: 5 }, () => bell.waitAsync(seen, LONG_MS));
    const start = performance.now();
    counters.ring(0);
    await Promise.all(waits);
    expect(performance.now() - start).toBeLessThan(LONG_MS / 10);
  });

  it("has one asynchronous waiter at most, however many wait and for how long", async () => {
    const counters = sharedCounters();
    const bell = new Doorbell(counters, 0, 0);
    const waits = Array.from({ length: 1000 }, () => bell.waitAsync(bell.read(), LONG_MS));
    await yieldToEventLoop();
    // notify returns how many it woke.
    expect(Atomics.notify(counters.words, counters.doorbellIndex(0))).toBe(1);
    await Promise.all(waits);
  });

  it("registers a waiter anew after a ring, so that the next ring is not lost", async () => {
    const counters = sharedCounters();
    const bell = new Doorbell(counters, 0, 0);
    for (let ring = 0; ring < 50; ring += 1) {
      const seen = bell.read();
      const wait = bell.waitAsync(seen, LONG_MS);
      counters.ring(0);
      await wait;
      expect(bell.read()).not.toBe(seen);
    }
  });

  it("saves the wake-up of a thread that is awake, and says that it sleeps before it does", async () => {
    const counters = sharedCounters();
    const bell = new Doorbell(counters, 0, 0);
    const isAsleep = (): boolean => counters.words.some((word, index) => word !== 0 && index !== counters.doorbellIndex(0));
    expect(isAsleep()).toBe(false);
    const wait = bell.waitAsync(bell.read(), LONG_MS);
    expect(isAsleep()).toBe(true);
    // Another loop of the thread may look at the bell meanwhile: the waiter still sleeps.
    bell.read();
    expect(isAsleep()).toBe(true);
    counters.ring(0);
    await wait;
    bell.read();
    expect(isAsleep()).toBe(false);
  });

  it.each(["blocking", "async", "mixed"] as const)("loses none of another thread's rings: %s waits", async (kind) => {
    const RINGS = 2000;
    const counters = sharedCounters();
    const bell = new Doorbell(counters, 0, 20);
    const worker = new Worker(new URL("./doorbell.worker.js", import.meta.url), { workerData: { words: counters.words, rings: RINGS } });
    const exited = new Promise((resolve) => worker.once("exit", resolve));
    for (let ring = 0; ring < RINGS; ring += 1) {
      counters.ring(1);
      for (let seen = bell.read(); seen <= ring; seen = bell.read()) {
        if (bell.spin(seen)) continue;
        const start = performance.now();
        if (kind === "blocking" || (kind === "mixed" && ring % 2 === 0)) bell.waitBlocking(seen, LONG_MS);
        else await bell.waitAsync(seen, LONG_MS);
        if (performance.now() - start > LONG_MS / 2) throw new Error(`ring ${ring} of ${RINGS} was lost`);
      }
    }
    expect(bell.read()).toBe(RINGS);
    await exited;
  });
});
