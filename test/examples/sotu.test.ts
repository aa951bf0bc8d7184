import { describe, expect, it } from "@jest/globals";
import { cutParagraphs } from "#examples/sotu/addresses.js";
import { type JsonHandler, JsonScanner } from "#examples/sotu/json-scanner.js";
import { nearest } from "#examples/sotu/nearest.js";
import { maxDifference } from "#examples/sotu/pooling.js";
import { type TarPiece, untar } from "#examples/sotu/tar.js";
import { bagOfWords } from "#examples/sotu/tokenise.js";
import { WordVectors } from "#examples/sotu/word-vectors.js";

/** Every way a chunk border can fall, from one byte at a time to all at once. */
function* cuts(bytes: Uint8Array): Generator<Uint8Array[]> {
  for (let size = 1; size <= bytes.length; size++) {
    yield Array.from({ length: Math.ceil(bytes.length / size) }, (_, c) => bytes.slice(c * size, (c + 1) * size));
  }
}

async function* stream(chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe("the JSON scanner", () => {
  function scan(chunks: Uint8Array[]): [string, string | number, number][] {
    const seen: [string, string | number, number][] = [];
    const handler: JsonHandler = {
      key: (name, depth) => seen.push(["key", name, depth]),
      number: (value, depth) => seen.push(["number", value, depth]),
      close: (depth) => seen.push(["close", "", depth]),
    };
    const scanner = new JsonScanner(handler);
    for (const chunk of chunks) scanner.push(chunk);
    scanner.end();
    return seen;
  }

  it("reports keys and numbers with their depth, wherever the text is cut", () => {
    const text = Buffer.from('{"a\\"\\\\b": [1, -2.5e-3, true], "naïve": {"x": "no: key 7, {[", "y": null}, "n": 40}');
    for (const chunks of cuts(text)) {
      expect(scan(chunks)).toEqual([
        ["key", 'a"\\b', 1],
        ["number", 1, 2],
        ["number", -0.0025, 2],
        ["close", "", 2],
        ["key", "naïve", 1],
        ["key", "x", 2],
        ["key", "y", 2],
        ["close", "", 2],
        ["key", "n", 1],
        ["number", 40, 1],
        ["close", "", 1],
      ]);
    }
  });

  it("reads numbers to the bit as JSON.parse does", () => {
    const numbers = ["0", "-0", "0.1", "-1.31847", "123456789012345", "0.123456789012345678", "5e-324", "1.5E+300"];
    const values = scan([Buffer.from(`[${numbers}]`)]).filter(([what]) => what === "number");
    expect(values.map(([, value]) => value)).toEqual(numbers.map(Number));
  });

  it("refuses a text that stops early", () => {
    expect(() => scan([Buffer.from('{"vectors": {"the": [0.1, 0.')])).toThrow("3 objects and arrays are still open");
  });
});

describe("the word vectors", () => {
  const read = async (json: string, chunkBytes: number) => {
    const bytes = Buffer.from(json);
    const count = Math.ceil(bytes.length / chunkBytes);
    const chunks = Array.from({ length: count }, (_, c) => bytes.subarray(c * chunkBytes, (c + 1) * chunkBytes));
    const vectors = await WordVectors.open(stream(chunks));
    const streamed: number[] = [];
    for await (const values of vectors.rows()) streamed.push(...values);
    return { vectors, streamed };
  };

  it("come in the order of the file, without norm and index, and with their dictionary", async () => {
    const head = '{"size":2,"dimensions":2,"words":["the",","],';
    const json = `${head}"vectors":{"the":[1,2,2.236,0],",":[-3,4,5,1]},"unkVector":[9,9,9,-1]}`;
    for (const chunkBytes of [1, 7, json.length]) {
      const { vectors, streamed } = await read(json, chunkBytes);
      expect(streamed).toEqual([1, 2, -3, 4]);
      expect([...vectors.values]).toEqual(streamed);
      expect([...vectors.rowOfWord]).toEqual([
        ["the", 0],
        [",", 1],
      ]);
    }
  });

  it("are refused if they are fewer or shorter than the file says", async () => {
    const few = '{"size":2,"dimensions":1,"vectors":{"the":[1]}}';
    await expect(read(few, few.length)).rejects.toThrow("got 1 different words, expected 2");
    const short = '{"size":1,"dimensions":3,"vectors":{"the":[1,2]}}';
    await expect(read(short, 5)).rejects.toThrow("got 2 floats for a word, expected 3");
  });
});

describe("the archive reader", () => {
  const BLOCK_BYTES = 512;

  function tarFile(path: string, content: string): Buffer {
    const header = Buffer.alloc(BLOCK_BYTES);
    header.write(path, 0);
    header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("0", 156);
    const body = Buffer.alloc(Math.ceil(content.length / BLOCK_BYTES) * BLOCK_BYTES);
    body.write(content);
    return Buffer.concat([header, body]);
  }

  async function readAll(chunks: Uint8Array[]): Promise<string[]> {
    const pieces: TarPiece[] = [];
    for await (const piece of untar(stream(chunks), (path) => path !== "skipped")) pieces.push(piece);
    const paths = new Set(pieces.map(({ path }) => path));
    return [...paths].map((path) => {
      const own = pieces.filter((piece) => piece.path === path);
      expect(own.map(({ isLast }) => isLast)).toEqual(own.map((_, n) => n === own.length - 1));
      return `${path}: ${Buffer.concat(own.map(({ bytes }) => bytes))}`;
    });
  }

  const first = "x".repeat(BLOCK_BYTES + 1);
  const end = Buffer.alloc(2 * BLOCK_BYTES);

  it("finds the wanted files, wherever the archive is cut", async () => {
    const archive = Buffer.concat([tarFile("a", first), tarFile("skipped", "no"), tarFile("b", "yes"), end]);
    for (const size of [1, 100, BLOCK_BYTES, BLOCK_BYTES + 1, archive.length]) {
      const count = Math.ceil(archive.length / size);
      const chunks = Array.from({ length: count }, (_, c) => archive.subarray(c * size, (c + 1) * size));
      expect(await readAll(chunks)).toEqual([`a: ${first}`, "b: yes"]);
    }
  });

  it("refuses an archive that stops within a file", async () => {
    const archive = tarFile("a", first).subarray(0, BLOCK_BYTES + 500);
    await expect(readAll([archive])).rejects.toThrow("the archive ends 13 bytes before the end of a");
  });
});

describe("the tokeniser", () => {
  const words = ["the", "nation", "do", "ship-building", "ship", "yard", "1900"];
  const rowOfWord = new Map(words.map((word, row) => [word, row]));
  const wordsOf = (text: string) => bagOfWords(text, rowOfWord).rows.map((row) => words[row]);

  it("finds words whatever their case and the signs around them", () => {
    expect(wordsOf('"THE Nation," (1900).')).toEqual(["the", "nation", "1900"]);
  });

  it("cuts off what GloVe's tokeniser cut off", () => {
    expect(wordsOf("the nation's, the nation’s; don't")).toEqual(["the", "nation", "the", "nation", "do"]);
  });

  it("takes compounds whole if they are known, else their parts", () => {
    expect(wordsOf("ship-building ship-yard")).toEqual(["ship-building", "ship", "yard"]);
  });

  it("counts unknown words, a number with separators as one", () => {
    expect(bagOfWords("the 3,000,000 florins", rowOfWord)).toEqual({ rows: [0], unknownCount: 2 });
  });
});

describe("paragraphs", () => {
  const sentence = (words: number, opening = "Word"): string => `${opening}${" word".repeat(words - 1)}.`;

  it("are whole sentences, as many as make sixty words", () => {
    const text = [sentence(59), sentence(2), sentence(60), sentence(3)].join("  ");
    expect(cutParagraphs(text)).toEqual([`${sentence(59)} ${sentence(2)}`, sentence(60), sentence(3)]);
  });

  it("do not end after a title or an initial", () => {
    const text = `${sentence(70, "To")} ${sentence(70, "Mr. Rutherford B. Hayes")}`;
    expect(cutParagraphs(text)).toHaveLength(2);
  });
});

it("nearest puts the most similar rows first, relative to the mean row, and leaves empty ones out", () => {
  const vectors = Float32Array.of(10, 1, 0, 0, 10, -1, 12, -1, 8, 1); // their mean is 8, 0
  const found = nearest(vectors, Float32Array.of(8, 3), 4);
  expect(found.map(({ index }) => index)).toEqual([4, 0, 3, 2]);
  expect(found[0].score).toBeCloseTo(1);
});

it("a NaN or a missing value is no small difference", () => {
  const expected = Float32Array.of(1, 2, 3);
  expect(maxDifference(Float32Array.of(1, 2.5, 3), expected)).toBe(0.5);
  expect(maxDifference(Float32Array.of(1, Number.NaN, 3), expected)).toBeNaN();
  expect(maxDifference(Float32Array.of(1, 2), expected)).toBe(Number.POSITIVE_INFINITY);
});
