/** The words of a text as rows of the vocabulary's table. */
export interface Bag {
  rows: number[];
  /** Words that the vocabulary does not have. */
  unknownCount: number;
}

/**
 * Runs of letters and digits; hyphens and apostrophes join them, and the points and commas of "3,000,000" belong to the
 * number.
 */
const WORD = /\d+(?:[.,]\d+)+|[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu;
/**
 * GloVe's tokeniser cut "nation's" into nation + 's and "don't" into do + n't; this vocabulary keeps the first halves
 * only.
 */
const CLITIC = /(?:n['’]t|['’]\p{L}+)$/u;

/**
 * The bag of a text. A compound such as "ship-building" counts as its parts if the vocabulary does not have it whole.
 */
export function bagOfWords(text: string, rowOfWord: ReadonlyMap<string, number>): Bag {
  const bag: Bag = { rows: [], unknownCount: 0 };
  for (const [match] of text.toLowerCase().matchAll(WORD)) {
    const word = match.replace(CLITIC, "");
    const parts = rowOfWord.has(word) ? [word] : word.split("-");
    for (const part of parts) {
      const row = rowOfWord.get(part);
      if (row === undefined) bag.unknownCount++;
      else bag.rows.push(row);
    }
  }
  return bag;
}
