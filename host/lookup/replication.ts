import { EmbeddingError } from "../errors.js";
import { show } from "../resolve.js";

/** What a set of replicated tables is made over. */
export interface ReplicationOptions {
  /** Names of the engine's tables. */
  tables: readonly string[];
  /** Of each feature, the index of its table. */
  featureTables: readonly number[];
  /** Names of the tables that are replicated from the start. */
  replicated: readonly string[];
}

/**
 * The tables that every rank pools for its own slice of the batch, whoever owns their rows. Steps name the set by its number and carry it as
 * bits, so a change holds for the steps that are made after it; those under way keep theirs.
 */
export class Replication {
  readonly #options: ReplicationOptions;
  #replicated: ReadonlySet<string> = new Set();
  /** Counts changes: other numbers, other sets. */
  number = -1;
  /** A bit for each feature, see MemoryMap.replicatedPtr. */
  readonly bits: Uint32Array;

  constructor(options: ReplicationOptions) {
    this.#options = options;
    this.bits = new Uint32Array(Math.ceil(options.featureTables.length / 32));
    this.set(options.replicated);
  }

  /** Names, in the order of the engine's tables. */
  get tables(): string[] {
    return this.#options.tables.filter((name) => this.#replicated.has(name));
  }

  /**
   * Takes another set.
   * @throws EmbeddingError EMBEDDING_OPTIONS for what is no list of the engine's tables; nothing has changed then
   */
  set(names: readonly string[]): void {
    const { tables, featureTables } = this.#options;
    if (!Array.isArray(names)) {
      const got = typeof names;
      throw new EmbeddingError("EMBEDDING_OPTIONS", `replicate: got ${got}, expected an array of names of tables`, { got });
    }
    for (const name of names as readonly unknown[]) {
      if (tables.includes(name as string)) continue;
      const expected = `one of ${tables.map(show).join(", ")}`.slice(0, 200);
      throw new EmbeddingError("EMBEDDING_OPTIONS", `replicate: got table ${show(name)}, expected ${expected}`, { got: name, expected });
    }
    this.#replicated = new Set(names);
    this.number += 1;
    this.bits.fill(0);
    featureTables.forEach((table, f) => {
      if (this.#replicated.has(tables[table])) this.bits[f >> 5] |= 1 << (f & 31);
    });
  }
}
