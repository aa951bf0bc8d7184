import type { Engine } from "../../engine.js";
import { EmbeddingError } from "../../errors.js";
import { openEngine } from "../../open.js";
import type { EngineOptions, FeatureOptions, TableOptions } from "../../options.js";
import type { EngineStats } from "../../stats.js";
import type { ByteBudget } from "../protocol/budget.js";
import { JSON_VALUE_BYTES, type Limits } from "../protocol/limits.js";
import { type InferAnswer, type InferRequest, wantsBinary } from "../protocol/request.js";
import { invalid, RequestError } from "../protocol/request-error.js";
import { show } from "../protocol/tensors.js";
import { HpsShape } from "./hps.js";
import { PooledShape } from "./pooled.js";
import type { ModelShape, PreparedLookup, ReadableResult } from "./shape.js";
import { ModelStatistics } from "./statistics.js";

/** What a model is made of. */
export interface ModelSource {
  /** Under /v2/models/NAME. */
  name: string;
  /** Default "1". */
  version?: string;
  /** In the order of NUMKEYS and, without `features`, of the pooled columns. */
  tables: EngineOptions["tables"];
  /** Features of the pooled shape; default: one for each table, with its name, pooling "sum". Pooling "none" has no place in it. */
  features?: readonly FeatureOptions[];
  /** How it may be asked, the first is the one that its metadata tells; default: ["hps", "pooled"] when all tables have keys, else ["pooled"]. */
  shapes?: readonly ModelShape["kind"][];
  /** Options of its engine besides tables and features. */
  engine?: Omit<EngineOptions, "tables" | "features">;
  /** Called when the tables are in, or could not be read: closes files. */
  close?(): Promise<void>;
}

/** How an inference goes. */
export interface InferHow {
  /** performance.now() when the request was there. */
  arrivedMs: number;
  timeoutMs: number;
  /** Asked for only when the lookup waits: most are over at once. */
  signal(): AbortSignal;
}

/** What onLookup hears of every lookup that worked. */
export interface LookupSeen {
  model: Model;
  shape: ModelShape;
  prepared: PreparedLookup;
}

export type ModelState = "LOADING" | "READY" | "UNAVAILABLE";

/** Keeps the none-features of the HPS shape apart from the pooled ones, which may have the tables' names. */
const ROWS_SUFFIX = " (rows)";

/** A model that is served: its engine, and the shapes in which it may be asked. */
export class Model {
  readonly name: string;
  readonly version: string;
  readonly shapes: readonly ModelShape[];
  readonly features: readonly FeatureOptions[];
  readonly tables: readonly Pick<TableOptions, "name" | "numRows" | "dim">[];
  readonly statistics = new ModelStatistics();
  state: ModelState = "LOADING";
  /** Why it is not ready. */
  reason = "";
  /** Milliseconds that loading took. */
  loadMs = 0;
  #source: ModelSource | undefined;
  #engine: Engine | undefined;
  /** Lookups that gather at most so many bytes run here and now. */
  #inlineBytes = 0;
  readonly #engineFeatures: readonly FeatureOptions[];

  /** @throws EmbeddingError EMBEDDING_OPTIONS */
  constructor(source: ModelSource) {
    this.#source = source;
    this.name = checked("name", source.name, /^[^/]{1,256}$/, "1 to 256 characters without /");
    this.version = checked("version", source.version ?? "1", /^[1-9]\d{0,14}$/, "a whole number from 1");
    this.tables = source.tables.map(({ name, numRows, dim }) => ({ name, numRows, dim }));
    this.features = source.features ?? source.tables.map(({ name }) => ({ name, table: name }));
    const kinds = source.shapes ?? (source.tables.every((table) => hasKeys(table)) ? ["hps", "pooled"] : ["pooled"]);
    const hps = kinds.includes("hps")
      ? source.tables.map(({ name }) => ({ name: name + ROWS_SUFFIX, table: name, pooling: "none" as const }))
      : [];
    const pooled = kinds.includes("pooled") ? this.features : [];
    this.#engineFeatures = [...pooled, ...hps];
    this.shapes = kinds.map((kind) => {
      if (kind === "hps") return new HpsShape(this.#withDims(hps));
      return new PooledShape(this.#withDims(pooled), hps.length > 0 ? pooled.map(({ name }) => name) : undefined);
    });
  }

  #withDims(features: readonly FeatureOptions[]) {
    return features.map(({ name, table: tableName, pooling }) => {
      const table = this.tables.find((candidate) => candidate.name === tableName);
      const where = `model ${show(this.name)}, feature ${show(name)}`;
      if (table === undefined) {
        const names = this.tables.map((one) => one.name).join(", ");
        throw new EmbeddingError("EMBEDDING_OPTIONS", `${where}: got table ${show(tableName)}, expected one of ${names.slice(0, 300)}`);
      }
      if (pooling === "none" && !name.endsWith(ROWS_SUFFIX)) {
        throw new EmbeddingError(
          "EMBEDDING_OPTIONS",
          `${where}: got pooling "none", expected sum, mean or max; rows as they are have the shape "hps"`,
        );
      }
      return { name, dim: table.dim };
    });
  }

  /** Reads the tables in. @throws (rejects) EmbeddingError; the state says it, too */
  async load(options: Omit<EngineOptions, "tables" | "features">): Promise<void> {
    const source = this.#source;
    if (source === undefined) return;
    this.#source = undefined;
    const startMs = performance.now();
    try {
      const engine = await openEngine({ ...options, ...source.engine, tables: source.tables, features: this.#engineFeatures });
      if (this.state === "UNAVAILABLE") {
        await engine.close();
        return;
      }
      this.#engine = engine;
      this.#inlineBytes = engine.stats().inline.limitBytes;
      this.state = "READY";
    } catch (error) {
      this.state = "UNAVAILABLE";
      this.reason = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      this.loadMs = performance.now() - startMs;
      await source.close?.();
    }
  }

  /** Undefined while there is no engine. */
  stats(): EngineStats | undefined {
    return this.state === "READY" ? this.#engine?.stats() : undefined;
  }

  get plan(): Engine["plan"] | undefined {
    return this.#engine?.plan;
  }

  /**
   * Answers a request. `write` is handed the answer over views of shared memory, to be read during the call only.
   * @throws (rejects) RequestError, EmbeddingError
   */
  async infer<T>(request: InferRequest, how: InferHow, { limits, budget, write, seen }: InferMeans<T>): Promise<T> {
    let reserved = 0;
    try {
      const engine = this.#ready();
      const shape = this.#shapeOf(request);
      checkOutputs(request, shape);
      const cost = wantsBinary(request) ? 1 : JSON_VALUE_BYTES / 4;
      const prepared = shape.prepare(request, cost === 1 ? limits : { ...limits, maxResponseBytes: limits.maxResponseBytes / cost });
      budget.take(prepared.outputBytes * cost);
      reserved = prepared.outputBytes * cost;
      const preparedMs = performance.now();
      const finish = (result: ReadableResult): T => {
        const lookedUpMs = performance.now();
        const answer = { modelName: this.name, modelVersion: this.version, id: request.id, outputs: [prepared.output(result)] };
        const written = write(answer);
        this.statistics.succeeded(prepared.samples, { arrivedMs: how.arrivedMs, preparedMs, lookedUpMs, writtenMs: performance.now() });
        seen({ model: this, shape, prepared });
        return written;
      };
      if (prepared.gatheredBytes <= this.#inlineBytes) return finish(engine.lookupSync(prepared.batch));
      const result = await engine.lookup(prepared.batch, { timeoutMs: how.timeoutMs, signal: how.signal() });
      try {
        return finish(result);
      } finally {
        result.release();
      }
    } catch (error) {
      this.#noteLoss(error);
      this.statistics.failed(how.arrivedMs);
      throw error;
    } finally {
      budget.give(reserved);
    }
  }

  async close(): Promise<void> {
    this.state = "UNAVAILABLE";
    this.reason ||= "the server is closing";
    const source = this.#source;
    this.#source = undefined;
    await source?.close?.();
    await this.#engine?.close();
  }

  #ready(): Engine {
    if (this.state === "READY" && this.#engine !== undefined) return this.#engine;
    const why = this.state === "LOADING" ? "its tables are being read in" : this.reason;
    throw new RequestError("unavailable", `model ${show(this.name)} is not ready: ${why}`);
  }

  #shapeOf(request: InferRequest): ModelShape {
    if (this.shapes.length === 1) return this.shapes[0];
    const named = this.shapes.find(({ inputs }) => request.inputs.some((input) => inputs.some(({ name }) => name === input.name)));
    return named ?? this.shapes[0];
  }

  /** An engine that has lost a rank never works again. */
  #noteLoss(error: unknown): void {
    if (!(error instanceof EmbeddingError) || error.code !== "EMBEDDING_RANK_LOST") return;
    this.state = "UNAVAILABLE";
    this.reason = error.message;
  }
}

/** What an inference is done with. */
export interface InferMeans<T> {
  limits: Limits;
  budget: ByteBudget;
  write: (answer: InferAnswer) => T;
  seen: (lookup: LookupSeen) => void;
}

function checked(name: string, value: unknown, pattern: RegExp, expected: string): string {
  if (typeof value === "string" && pattern.test(value)) return value;
  throw new EmbeddingError("EMBEDDING_OPTIONS", `model ${name}: got ${show(value)}, expected ${expected}`, { got: value });
}

function hasKeys(table: EngineOptions["tables"][number]): boolean {
  return "keys" in table && table.keys !== undefined;
}

function checkOutputs({ outputs }: InferRequest, shape: ModelShape): void {
  const { name } = shape.output;
  for (const [n, output] of (outputs ?? []).entries()) {
    if (output.name !== name) throw invalid(`outputs: got ${show(output.name)}, expected ${name}`);
    if (n > 0) throw invalid(`outputs: got ${name} twice, expected each output once`);
  }
}
