import { readArchive } from "./tar.js";

/** A part of an address: whole sentences. */
export interface Paragraph {
  president: string;
  year: number;
  text: string;
}

const ADDRESS_PATH = /^package\/data\/\d{4}_.*\.json$/;

/**
 * The package gives every address as one line, its paragraph breaks are lost. A new paragraph starts with the first
 * sentence after so many words.
 */
const MIN_PARAGRAPH_WORDS = 60;

/**
 * The blank between two sentences: after a full stop that ends no title or initial, and before what can begin a
 * sentence.
 */
const SENTENCE_BREAK = /(?<=[.!?][”’"')\]]*)(?<!\b(?:Mr|Mrs|Dr|St|Hon|Gen|Col|Gov|Sen|No|\p{Lu})\.) (?=[“‘"'([]*[\p{Lu}\p{N}$])/u;
const BLANKS = /[\s\p{Cc}]+/gu;

/** All paragraphs of all addresses, by year. */
export async function readParagraphs(archive: string): Promise<Paragraph[]> {
  const paragraphs: Paragraph[] = [];
  let parts: Uint8Array[] = [];
  for await (const piece of readArchive(archive, (path) => ADDRESS_PATH.test(path))) {
    parts.push(Buffer.from(piece.bytes));
    if (!piece.isLast) continue;
    const { name, year, text } = parseAddress(Buffer.concat(parts).toString("utf8"), piece.path);
    for (const paragraph of cutParagraphs(text)) paragraphs.push({ president: name, year, text: paragraph });
    parts = [];
  }
  return paragraphs.sort((a, b) => a.year - b.year);
}

/** Cuts a text into paragraphs of whole sentences. */
export function cutParagraphs(text: string): string[] {
  const paragraphs: string[] = [];
  let sentences: string[] = [];
  let wordCount = 0;
  for (const sentence of text.replace(BLANKS, " ").trim().split(SENTENCE_BREAK)) {
    sentences.push(sentence);
    wordCount += sentence.split(" ").length;
    if (wordCount < MIN_PARAGRAPH_WORDS) continue;
    paragraphs.push(sentences.join(" "));
    sentences = [];
    wordCount = 0;
  }
  if (sentences.length > 0) paragraphs.push(sentences.join(" "));
  return paragraphs;
}

function parseAddress(json: string, path: string): { name: string; year: number; text: string } {
  const address: unknown = JSON.parse(json);
  if (
    typeof address === "object" &&
    address !== null &&
    "name" in address &&
    typeof address.name === "string" &&
    "year" in address &&
    typeof address.year === "number" &&
    "text" in address &&
    typeof address.text === "string"
  ) {
    return { name: address.name, year: address.year, text: address.text };
  }
  throw new Error(`${path} is no address: expected name, year and text`);
}
