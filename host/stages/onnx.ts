import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Stage, StageContext, StageSlice } from "../shard/stage.js";

/** `stage.options` of `stage: { module: "lagbag/onnx-stage" }`: a dense model that onnxruntime-node runs on every rank. */
export interface OnnxStageOptions {
  /** Path of the .onnx file; relative ones from the working directory. */
  model: string;
  /** Name of the model's input that takes the pooled features, float [samples, sum of dims]; default "features". */
  features?: string;
  /** Name of the input that takes the lookup's stageInput, float [samples, inputColumns]; default "dense" where the model has it, else none. */
  dense?: string;
  /** Name of the output, float [samples, ...]; default: the model's only one. Its values a sample are the stage's `columns`. */
  output?: string;
  /**
   * Samples that the model is run on at once, 1 to 65536; default 64. Slices are cut and the last part is filled up with zeros, so that every
   * run has the same shape: a sample's bits then depend on nothing but the sample.
   */
  samplesPerRun?: number;
  /** Where onnxruntime-node is: a package's name or a path, from the working directory; default "onnxruntime-node". It is no dependency of lagbag: install it beside. */
  runtime?: string;
}

/** The part of onnxruntime-node that is used. */
interface Runtime {
  InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => { data: unknown; dims: readonly number[] };
}

interface Session {
  inputNames: readonly string[];
  outputNames: readonly string[];
  run(feeds: Record<string, unknown>): Promise<Record<string, { data: unknown; dims: readonly number[] }>>;
}

const DEFAULTS = { features: "features", dense: "dense", samplesPerRun: 64, runtime: "onnxruntime-node" } as const;
const MOST_SAMPLES = 65_536;

/** Loads the model on this rank, one thread of onnxruntime-node's for each: ranks are the parallelism. */
export async function createStage({ rank, columnOffsets, options }: StageContext): Promise<Stage> {
  const filled = fill(options);
  const runtime = await loadRuntime(filled.runtime);
  const bytes = readFileSync(resolve(filled.model));
  const session = await runtime.InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: "sequential" });
  const names = checkNames(session, filled);
  const model = new DenseModel({
    runtime,
    session,
    names,
    samples: filled.samplesPerRun,
    columns: columnOffsets.at(-1) ?? 0,
    what: `rank ${rank}: ${filled.model}`,
  });
  return { run: (features, slice) => model.run(features, slice) };
}

interface Names {
  features: string;
  dense: string | undefined;
  output: string;
}

interface ModelParts {
  runtime: Runtime;
  session: Session;
  names: Names;
  /** Samples of a run. */
  samples: number;
  /** Floats of a sample's features. */
  columns: number;
  /** For errors. */
  what: string;
}

/** A session and its input arrays, which every run uses again. */
class DenseModel {
  readonly #parts: ModelParts;
  readonly #features: Float32Array;
  #dense: Float32Array | undefined;

  constructor(parts: ModelParts) {
    this.#parts = parts;
    this.#features = new Float32Array(parts.samples * parts.columns);
  }

  /** Runs a slice, part by part. Its views are read before the first wait of each part; onnxruntime-node takes no shared memory. */
  async run(features: Float32Array, { sampleCount, input }: StageSlice): Promise<Float32Array> {
    const { samples, columns, names, what } = this.#parts;
    if (names.dense !== undefined && input === undefined)
      throw new Error(`${what}: the model's input "${names.dense}" got nothing, expected stageInput: open with stage.inputColumns`);
    const inputColumns = input === undefined ? 0 : input.length / sampleCount;
    this.#dense ??= new Float32Array(samples * inputColumns);
    let values: Float32Array | undefined;
    for (let first = 0; first < sampleCount; first += samples) {
      const count = Math.min(samples, sampleCount - first);
      this.#features.fill(0, count * columns).set(features.subarray(first * columns, (first + count) * columns));
      if (input !== undefined)
        this.#dense.fill(0, count * inputColumns).set(input.subarray(first * inputColumns, (first + count) * inputColumns));
      const output = await this.#runPart(inputColumns);
      const outputColumns = output.length / samples;
      values ??= new Float32Array(sampleCount * outputColumns);
      values.set(output.subarray(0, count * outputColumns), first * outputColumns);
    }
    return values ?? new Float32Array(0);
  }

  async #runPart(inputColumns: number): Promise<Float32Array> {
    const { runtime, session, names, samples, columns, what } = this.#parts;
    const feeds: Record<string, unknown> = { [names.features]: new runtime.Tensor("float32", this.#features, [samples, columns]) };
    if (names.dense !== undefined && this.#dense !== undefined)
      feeds[names.dense] = new runtime.Tensor("float32", this.#dense, [samples, inputColumns]);
    const { data, dims } = (await session.run(feeds))[names.output];
    // By tag, not instanceof: the array may come from another realm.
    if (Object.prototype.toString.call(data) !== "[object Float32Array]" || dims[0] !== samples)
      throw new Error(
        `${what}: output "${names.output}" got ${Object.prototype.toString.call(data).slice(8, -1)} [${dims.join(", ")}], expected floats [${samples}, ...]`,
      );
    return data as Float32Array;
  }
}

function fill(options: unknown): Required<Omit<OnnxStageOptions, "output" | "dense">> & Pick<OnnxStageOptions, "output" | "dense"> {
  const { model, ...rest } = (options ?? {}) as OnnxStageOptions;
  if (typeof model !== "string" || model === "")
    throw new Error(`stage.options.model: got ${String(model)}, expected the path of an .onnx file`);
  const filled = { ...DEFAULTS, ...rest, model, dense: rest.dense };
  const { samplesPerRun } = filled;
  if (!Number.isInteger(samplesPerRun) || samplesPerRun < 1 || samplesPerRun > MOST_SAMPLES)
    throw new Error(`stage.options.samplesPerRun: got ${String(samplesPerRun)}, expected an integer from 1 to ${MOST_SAMPLES}`);
  return filled as ReturnType<typeof fill>;
}

/** From the working directory, where the user's packages are. */
async function loadRuntime(name: string): Promise<Runtime> {
  let path: string;
  try {
    path = createRequire(resolve("lagbag-stage.js")).resolve(isAbsolute(name) || !name.startsWith(".") ? name : resolve(name));
  } catch {
    throw new Error(
      `got no package ${name} from ${process.cwd()}, expected onnxruntime-node: npm install onnxruntime-node, or give stage.options.runtime`,
    );
  }
  const module = (await import(pathToFileURL(path).href)) as Partial<Runtime> & { default?: Runtime };
  const runtime = module.InferenceSession === undefined ? module.default : (module as Runtime);
  if (runtime?.InferenceSession === undefined) throw new Error(`${path}: got no InferenceSession, expected onnxruntime-node`);
  return runtime;
}

function checkNames({ inputNames, outputNames }: Session, { features, dense, output, model }: ReturnType<typeof fill>): Names {
  const need = (what: string, name: string, names: readonly string[]): string => {
    if (!names.includes(name)) throw new Error(`${model}: got no ${what} "${name}", expected one of ${names.join(", ")}`);
    return name;
  };
  if (output === undefined && outputNames.length !== 1)
    throw new Error(`${model}: got ${outputNames.length} outputs (${outputNames.join(", ")}), expected stage.options.output to name one`);
  const wanted = dense ?? (inputNames.includes(DEFAULTS.dense) ? DEFAULTS.dense : undefined);
  const names = {
    features: need("input", features, inputNames),
    dense: wanted === undefined ? undefined : need("input", wanted, inputNames),
    output: need("output", output ?? outputNames[0], outputNames),
  };
  const extra = inputNames.filter((name) => name !== names.features && name !== names.dense);
  if (extra.length > 0)
    throw new Error(
      `${model}: got inputs ${inputNames.join(", ")}, expected ${names.features} and at most one more: nothing is known to give ${extra.join(", ")}`,
    );
  return names;
}
