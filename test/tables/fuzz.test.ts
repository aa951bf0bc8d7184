import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { expect, it } from "@jest/globals";
import { golden } from "./golden.js";
import { bytesOf, exactFloats, safetensors, scratch } from "./make.js";
import { readAll } from "./refusal.js";

const SEED = 20_261_125;
/** Damaged copies of each file. */
const ROUNDS = 100;
/** Bytes of floats that a damaged file may claim beyond its own size: what deflate can hold of zeros. */
const MOST_RATIO = 1032;

function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** One to eight damages: a bit, a byte, a run of one value, a cut, bytes twice. */
function damage(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  let copy = Uint8Array.from(bytes);
  for (let left = 1 + random(8); left > 0 && copy.length > 0; left -= 1) {
    const at = random(copy.length);
    const kind = random(8);
    if (kind < 3) copy[at] ^= 1 << random(8);
    else if (kind < 5) copy[at] = random(256);
    else if (kind === 5) copy.fill(random(2) * 255, at, at + 1 + random(8));
    else if (kind === 6) copy = copy.slice(0, at);
    else copy = Uint8Array.from([...copy.subarray(0, at), ...copy.subarray(random(copy.length))]);
  }
  return copy;
}

const FILES: readonly [string, Uint8Array][] = [
  ...readdirSync(dirname(golden("x")))
    .filter((name) => /\.(npy|npz|onnx)$/.test(name))
    .map((name): [string, Uint8Array] => [name, readFileSync(golden(name))]),
  [
    "m.safetensors",
    safetensors(
      {
        a: { dtype: "F32", shape: [3, 4], bytes: bytesOf(exactFloats(12)) },
        q: { dtype: "U8", shape: [2, 12], bytes: new Uint8Array(24) },
        k: { dtype: "I64", shape: [2], bytes: new Uint8Array(16) },
        d: { dtype: "F32", shape: [4], bytes: new Uint8Array(16) },
      },
      { metadata: { lagbag: '{"version":1,"tables":{"q":{"dtype":"int8","dim":4,"keys":"k","defaultRow":"d"}}}' } },
    ),
  ],
  [
    "model.safetensors.index.json",
    Buffer.from('{"metadata":{"total_size":8},"weight_map":{"a":"part.safetensors","b":"part.safetensors"}}'),
  ],
];

it.each(FILES)("%s, damaged in seeded ways, reads or ends in an EMBEDDING_FILE error", async (name, bytes) => {
  const random = randomFrom(SEED + bytes.length);
  using folder = scratch();
  folder.write(
    "part.safetensors",
    safetensors({
      a: { dtype: "F32", shape: [1, 1], bytes: new Uint8Array(4) },
      b: { dtype: "F32", shape: [1, 1], bytes: new Uint8Array(4) },
    }),
  );
  const path = join(folder.path, `damaged${name.endsWith(".index.json") ? ".safetensors.index.json" : extname(name)}`);
  let refused = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const damaged = damage(bytes, random);
    writeFileSync(path, damaged);
    try {
      await readAll(path, damaged.length * MOST_RATIO);
    } catch (error) {
      // Anything else than our error is a failure, and says which damage it was.
      if (!(error instanceof Error) || error.name !== "EmbeddingError")
        throw new Error(`${basename(path)}, round ${round}`, { cause: error });
      expect(error).toMatchObject({ code: "EMBEDDING_FILE", message: expect.not.stringMatching(/[\n\r]/) });
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(0);
});
