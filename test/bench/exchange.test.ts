import { describe, expect, it } from "@jest/globals";
import { Messages } from "#bench/exchange/messages.js";
import { type ExchangeKind, Team } from "#bench/exchange/team.js";

const KINDS: ExchangeKind[] = [
  { kind: "alltoallv", lagBound: 0 },
  { kind: "alltoallv", lagBound: 3 },
  { kind: "barrier" },
  { kind: "ports" },
];

describe("a team", () => {
  it.each(KINDS)("$kind swaps messages, checked byte by byte, run after run, and ends", async (exchange) => {
    const team = await Team.open({ exchange, ranks: 3, bytes: 128, seed: 5 });
    try {
      for (let run = 0; run < 3; run += 1) {
        const { steps, seconds, p50Us, p99Us } = await team.run(0.01);
        expect(steps).toBeGreaterThanOrEqual(32);
        expect(seconds).toBeGreaterThan(0.004);
        expect(p99Us).toBeGreaterThanOrEqual(p50Us);
      }
    } finally {
      await team.close();
    }
  });
});

describe("messages", () => {
  const setting = { ranks: 3, bytes: 64, seed: 9 };
  const sender = new Messages({ ...setting, rank: 1 });
  const receiver = new Messages({ ...setting, rank: 2 });
  const written = (step: number): Uint8Array => {
    const segment = new Uint8Array(64);
    expect(sender.write(segment, step, 2)).toBe(64);
    return segment;
  };

  it("are what their receiver expects", () => {
    for (const step of [0, 1, 255, 256, 2 ** 31 + 5]) {
      expect(() => receiver.check(written(step), { step, source: 1, all: true })).not.toThrow();
    }
  });

  it("of another step, another rank, another length, or with a wrong byte are found out", () => {
    const at = { step: 7, source: 1, all: true };
    expect(() => receiver.check(written(8), at)).toThrow("rank 2, step 7, message of rank 1: it is another step's");
    expect(() => receiver.check(written(7), { ...at, source: 0 })).toThrow("step 7, message of rank 0");
    expect(() => receiver.check(written(7).subarray(1), at)).toThrow("got 63 bytes, expected 64");
    for (let byte = 0; byte < 64; byte += 1) {
      const torn = written(7);
      torn[byte] ^= 1;
      expect(() => receiver.check(torn, at)).toThrow("rank 2, step 7");
    }
  });
});
