import { type Paragraph, readParagraphs } from "./addresses.js";
import { type Batch, packBags } from "./pooling.js";
import { formatCount } from "./terminal.js";
import { type Bag, bagOfWords } from "./tokenise.js";

const BATCH_SIZE = 512;

/** All paragraphs, as text and as lookups: sample s of batch b is paragraph b * BATCH_SIZE + s. */
export interface Corpus {
  paragraphs: Paragraph[];
  bags: Bag[];
  batches: Batch[];
}

export async function readCorpus(archive: string, rowOfWord: ReadonlyMap<string, number>): Promise<Corpus> {
  const paragraphs = await readParagraphs(archive);
  const bags = paragraphs.map(({ text }) => bagOfWords(text, rowOfWord));
  const batches: Batch[] = [];
  for (let first = 0; first < bags.length; first += BATCH_SIZE) {
    batches.push(packBags(bags.slice(first, first + BATCH_SIZE).map(({ rows }) => rows)));
  }
  return { paragraphs, bags, batches };
}

export function describeCorpus({ bags }: Corpus): string {
  const knownCount = bags.reduce((sum, { rows }) => sum + rows.length, 0);
  const unknownCount = bags.reduce((sum, bag) => sum + bag.unknownCount, 0);
  const wordCount = knownCount + unknownCount;
  const unknownShare = ((100 * unknownCount) / wordCount).toFixed(2);
  return `${formatCount(bags.length)} paragraphs, ${formatCount(wordCount)} words, ${unknownShare} % out of vocabulary`;
}

/** The rows of the `count` words that the corpus uses most: "the", "of", "government". */
export function commonRows({ bags }: Corpus, count: number): Set<number> {
  const uses = new Map<number, number>();
  for (const { rows } of bags) {
    for (const row of rows) uses.set(row, (uses.get(row) ?? 0) + 1);
  }
  const byUse = [...uses].sort(([, a], [, b]) => b - a);
  return new Set(byUse.slice(0, count).map(([row]) => row));
}
