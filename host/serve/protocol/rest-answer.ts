import { copyOutput, type InferAnswer, type OutputTensor, outputBytes } from "./request.js";
import { invalid } from "./request-error.js";

/** An answer's body; headerBytes: how much of it is JSON, when binary data follows. */
export interface RestAnswer {
  body: Buffer;
  headerBytes: number | undefined;
}

/**
 * Writes an answer: JSON, then, if they are to be binary, the bytes of the outputs. Copies what it needs of the tensors' views.
 * @throws RequestError "invalid" when a value has no JSON
 */
export function writeRestAnswer(answer: InferAnswer, isBinary: boolean): RestAnswer {
  const id = answer.id === undefined ? "" : `"id":${JSON.stringify(answer.id)},`;
  const outputs = answer.outputs.map((output) => outputJson(output, isBinary)).join(",");
  const json = `{"model_name":${quoted(answer.modelName)},"model_version":${quoted(answer.modelVersion)},${id}"outputs":[${outputs}]}`;
  if (!isBinary) return { body: Buffer.from(json), headerBytes: undefined };
  const headerBytes = Buffer.byteLength(json);
  const body = Buffer.allocUnsafe(answer.outputs.reduce((sum, output) => sum + outputBytes(output), headerBytes));
  body.write(json, 0, "utf8");
  let at = headerBytes;
  for (const output of answer.outputs) at = copyOutput(output, body, at);
  return { body, headerBytes };
}

/** Names as JSON: there are few, and each is in every answer. */
const QUOTED = new Map<string, string>();
const MOST_QUOTED = 1024;

function quoted(name: string): string {
  let json = QUOTED.get(name);
  if (json === undefined) {
    json = JSON.stringify(name);
    if (QUOTED.size >= MOST_QUOTED) QUOTED.clear();
    QUOTED.set(name, json);
  }
  return json;
}

function outputJson(output: OutputTensor, isBinary: boolean): string {
  const { name, datatype, shape } = output;
  const head = `{"name":${quoted(name)},"datatype":"${datatype}","shape":[${shape.join(",")}]`;
  if (isBinary) return `${head},"parameters":{"binary_data_size":${outputBytes(output)}}}`;
  return `${head},"data":[${output.parts
    .map((part) => valuesJson(name, part))
    .filter(Boolean)
    .join(",")}]}`;
}

/** Values as JSON, each such that reading it back gives the same float32 bits. */
function valuesJson(name: string, values: Float32Array): string {
  const texts = new Array<string>(values.length);
  for (let n = 0; n < values.length; n += 1) {
    const value = values[n];
    if (!Number.isFinite(value))
      throw invalid(`${name}: ${value} at position ${n} has no JSON; ask for binary data (parameters.binary_data)`);
    texts[n] = Object.is(value, -0) ? "-0.0" : String(value);
  }
  return texts.join(",");
}
