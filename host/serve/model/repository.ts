import { availableParallelism } from "node:os";
import { EmbeddingError } from "../../errors.js";
import type { LoadProgress } from "../../load-progress.js";
import { RequestError } from "../protocol/request-error.js";
import { show } from "../protocol/tensors.js";
import { Model, type ModelSource } from "./model.js";

const MAX_DEFAULT_RANKS = 8;

/** Ranks of an engine when nobody says: the processor's parallelism shared by the models, 1 to 8. */
export function defaultRanks(models: number, parallelism: number = availableParallelism()): number {
  return Math.max(1, Math.min(MAX_DEFAULT_RANKS, Math.floor(parallelism / models)));
}

/** Hears how loading goes. */
export interface LoadListener {
  loading(model: Model): void;
  progress(model: Model, progress: LoadProgress): void;
  loaded(model: Model): void;
}

/** All models of a server, by name and version. */
export class Repository {
  readonly models: readonly Model[];
  /** It takes no new work: not ready, whatever its models are. */
  draining = false;
  #loaded = false;
  /** Versions of each name, ascending. */
  readonly #versions = new Map<string, Model[]>();

  /** @throws EmbeddingError EMBEDDING_OPTIONS */
  constructor(sources: readonly ModelSource[]) {
    if (sources.length === 0) throw new EmbeddingError("EMBEDDING_OPTIONS", "models: got none, expected at least one");
    const seen = new Set<string>();
    this.models = sources.map((source) => {
      const model = new Model(source);
      const key = `${model.name}/${model.version}`;
      if (seen.has(key))
        throw new EmbeddingError("EMBEDDING_OPTIONS", `models: got ${show(key)} twice, expected each name and version once`);
      seen.add(key);
      this.#versions.set(
        model.name,
        [...(this.#versions.get(model.name) ?? []), model].sort((a, b) => Number(a.version) - Number(b.version)),
      );
      return model;
    });
  }

  /** Loads one model after the other: each keeps all cores busy while its rows come in. @throws (rejects) EmbeddingError of the first that fails */
  async load(listener: LoadListener): Promise<void> {
    const ranks = defaultRanks(this.models.length);
    for (const model of this.models) {
      if (this.draining) return;
      listener.loading(model);
      await model.load({ ranks, onProgress: (progress) => listener.progress(model, progress) });
      listener.loaded(model);
    }
    this.#loaded = true;
  }

  /** All models answer. */
  get ready(): boolean {
    return this.#loaded && !this.draining && this.models.every(({ state }) => state === "READY");
  }

  /** False when only a new process can help: a model has lost its engine. */
  get live(): boolean {
    return this.draining || !this.models.some(({ state }) => state === "UNAVAILABLE");
  }

  /**
   * The model of this name and version; without a version the highest.
   * @throws RequestError "not_found"
   */
  find(name: string, version = ""): Model {
    const versions = this.versions(name);
    const model = version === "" ? versions.at(-1) : versions.find((one) => one.version === version);
    if (model !== undefined) return model;
    throw new RequestError(
      "not_found",
      `model ${show(name)}: got version ${show(version)}, expected ${versions.map((one) => one.version).join(" or ")}`,
    );
  }

  /** All versions of a model, ascending. @throws RequestError "not_found" */
  versions(name: string): readonly Model[] {
    const versions = this.#versions.get(name);
    if (versions !== undefined) return versions;
    const known = [...new Set(this.models.map((model) => model.name))].join(", ");
    throw new RequestError("not_found", `model: got ${show(name)}, expected one of ${known.slice(0, 300)}`);
  }

  async close(): Promise<void> {
    await Promise.all(this.models.map((model) => model.close()));
  }
}
