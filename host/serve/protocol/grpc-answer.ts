import { copyOutput, type InferAnswer, type OutputTensor, outputBytes } from "./request.js";
import { fieldBytes, varintBytes, WireWriter } from "./wire.js";

/** Writes a ModelInferResponse, raw, copying the tensors' views once. `within`: as the infer_response of a ModelStreamInferResponse. */
export function writeGrpcAnswer(answer: InferAnswer, { within = false }: { within?: boolean } = {}): Buffer {
  const bodies = answer.outputs.map(tensorBytes);
  let size = 0;
  for (const text of texts(answer)) size += text === "" ? 0 : fieldBytes(Buffer.byteLength(text));
  for (const [n, output] of answer.outputs.entries()) size += fieldBytes(bodies[n]) + fieldBytes(outputBytes(output));
  const writer = new WireWriter(within ? fieldBytes(size) : size);
  if (within) writer.head(2, size);
  for (const [n, text] of texts(answer).entries()) if (text !== "") writer.text(n + 1, text);
  for (const [n, output] of answer.outputs.entries()) {
    writer.head(5, bodies[n]);
    writer.text(1, output.name);
    writer.text(2, output.datatype);
    writer.head(3, shapeBytes(output));
    for (const dimension of output.shape) writer.varint(dimension);
  }
  for (const output of answer.outputs) {
    writer.head(6, outputBytes(output));
    writer.at = copyOutput(output, writer.bytes, writer.at);
  }
  return writer.bytes;
}

/** A ModelStreamInferResponse that says what went wrong. */
export function writeStreamError(message: string): Buffer {
  const writer = new WireWriter(fieldBytes(Buffer.byteLength(message)));
  writer.text(1, message);
  return writer.bytes;
}

/** The strings of fields 1 to 3. */
function texts({ modelName, modelVersion, id }: InferAnswer): string[] {
  return [modelName, modelVersion, id ?? ""];
}

function shapeBytes({ shape }: OutputTensor): number {
  return shape.reduce((sum, size) => sum + varintBytes(size), 0);
}

function tensorBytes(output: OutputTensor): number {
  return fieldBytes(Buffer.byteLength(output.name)) + fieldBytes(output.datatype.length) + fieldBytes(shapeBytes(output));
}
