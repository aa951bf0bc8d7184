import { workerData } from "node:worker_threads";
import { Counters } from "#host/collective/counters.js";
import { Doorbell } from "#host/collective/doorbell.js";

/** Answers every ring on the bell of the caller (of one rank) with a ring on bell 0. */
const { words, rings } = workerData as { words: Int32Array; rings: number };
const counters = new Counters(words, 1);
const bell = new Doorbell(counters, 1, 20);
for (let ring = 0; ring < rings; ring += 1) {
  for (let seen = bell.read(); seen <= ring; seen = bell.read()) {
    if (!bell.spin(seen)) bell.waitBlocking(seen, 10_000);
  }
  counters.ring(0);
}
