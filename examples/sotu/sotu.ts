import { type Engine, type FeatureOptions, openEngine } from "lagbag";
import type { Paragraph } from "./addresses.js";
import { commonRows, describeCorpus, readCorpus } from "./corpus.js";
import { type Neighbour, nearest } from "./nearest.js";
import { type Archives, readWordVectors } from "./packages.js";
import { countRows, packBags, poolAll, reportRanks, reportReference } from "./pooling.js";
import { excerpt, formatCount, formatMiB, formatRate, say, sayBlock, stage, terminalWidth, wrap } from "./terminal.js";
import { bagOfWords } from "./tokenise.js";
import { WordVectors } from "./word-vectors.js";

const RANKS = 4;
const LAG_BOUND = 4;
const TABLE = "glove";
const FEATURES: FeatureOptions[] = [{ name: "paragraph", table: TABLE, pooling: "mean" }];
/** What the plan reckons with: the words of a paragraph, more or less. */
const WORDS_PER_PARAGRAPH = 80;
/** So many of the most used words say nothing about a question's subject. */
const COMMON_WORD_COUNT = 100;

const ANSWER_COUNT = 5;
const EXCERPT_LENGTH = 240;
const INDENT = "   ";

/** The question cannot be answered: none of its words is in the vocabulary. */
export class UnknownWordsError extends Error {
  override readonly name = "UnknownWordsError";
}

/**
 * Finds the paragraphs nearest to the question and prints them, with the time of every stage. Resolves to whether all
 * pooled values were as the reference has them.
 */
export async function searchAddresses(question: string, archives: Archives): Promise<boolean> {
  const { engine, vectors } = await stage("load tables", () => openTables(archives), describeTables);
  try {
    sayBlock(String(engine.plan));
    const asked = wordsOf(question, vectors);
    const corpus = await stage("tokenise", () => readCorpus(archives.addresses, vectors.rowOfWord), describeCorpus);
    const rowCount = countRows(corpus.batches);
    const pooled = await stage(
      "lookup",
      () => poolAll(engine, corpus.batches, vectors.dim),
      (_, seconds) => `${formatCount(rowCount)} rows in ${corpus.batches.length} batches, ${formatRate(rowCount, seconds)}`,
    );
    reportRanks(engine);
    const common = commonRows(corpus, COMMON_WORD_COUNT);
    const telling = asked.filter((row) => !common.has(row));
    const questionBatch = packBags([telling.length > 0 ? telling : asked]);
    const target = new Float32Array(vectors.dim);
    const answers = await stage(
      "compare",
      () => {
        engine.lookupSync(questionBatch, target); // one bag is not worth a hand-over to the ranks
        return nearest(pooled, target, ANSWER_COUNT);
      },
      () => `the question against ${formatCount(corpus.paragraphs.length)} paragraphs`,
    );
    const isRight = await reportReference({
      plan: engine.plan,
      tables: new Map([[TABLE, { numRows: vectors.numRows, dim: vectors.dim, rows: vectors.values }]]),
      features: FEATURES,
      batches: [...corpus.batches, questionBatch],
      pooled: [pooled, target],
    });
    printAnswers(answers, corpus.paragraphs);
    return isRight;
  } finally {
    await engine.close();
  }
}

/**
 * The engine with the word vectors in it. They stream from the archive into the ranks' memory; the dictionary of words
 * grows on the way.
 */
async function openTables(archives: Archives): Promise<{ engine: Engine; vectors: WordVectors }> {
  const vectors = await WordVectors.open(readWordVectors(archives));
  const { numRows, dim } = vectors;
  const engine = await openEngine({
    ranks: RANKS,
    lagBound: LAG_BOUND,
    tables: [{ name: TABLE, numRows, dim, rows: vectors.rows(), lookupsPerSample: WORDS_PER_PARAGRAPH }],
    features: FEATURES,
  });
  return { engine, vectors };
}

function describeTables({ vectors }: { vectors: WordVectors }): string {
  const size = formatMiB(vectors.values.byteLength);
  return `${formatCount(vectors.numRows)} words x ${vectors.dim} floats, ${size}, streamed to ${RANKS} ranks`;
}

function wordsOf(question: string, { rowOfWord, numRows }: WordVectors): number[] {
  const { rows } = bagOfWords(question, rowOfWord);
  if (rows.length > 0) return rows;
  throw new UnknownWordsError(
    `No word of "${question}" is among the ${formatCount(numRows)} in the vocabulary: please ask in plain English words.`,
  );
}

function printAnswers(answers: readonly Neighbour[], paragraphs: readonly Paragraph[]): void {
  say("\nNearest to the question:");
  for (const [place, { index, score }] of answers.entries()) {
    const { president, year, text } = paragraphs[index];
    say(`\n${place + 1}. ${president}, ${year} (similarity ${score.toFixed(3)})`);
    say(wrap(excerpt(text, EXCERPT_LENGTH), INDENT, terminalWidth()));
  }
}
