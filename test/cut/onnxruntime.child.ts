/** Runs one model: a Question on stdin, its outputs on stdout, both JSON. */
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import type { Question, Tensor } from "./onnxruntime.js";

interface OrtTensor {
  type: Tensor["type"];
  data: Float32Array | BigInt64Array;
  dims: readonly number[];
}

interface OnnxRuntime {
  Tensor: new (type: Tensor["type"], data: OrtTensor["data"], dims: readonly number[]) => OrtTensor;
  /** logSeverityLevel 3: errors alone. */
  InferenceSession: {
    create(
      path: string,
      options: { logSeverityLevel: 3 },
    ): Promise<{ run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>> }>;
  };
}

const { runtime, model, feeds }: Question = JSON.parse(await text(process.stdin));
const ort: OnnxRuntime = createRequire(import.meta.url)(runtime);
const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
const tensors = Object.entries(feeds).map(([name, { type, values, dims }]) => {
  const data = type === "int64" ? BigInt64Array.from(values, BigInt) : Float32Array.from(values);
  return [name, new ort.Tensor(type, data, dims)] as const;
});
const outputs = Object.entries(await session.run(Object.fromEntries(tensors))).map(([name, { type, data, dims }]): [string, Tensor] => {
  return [name, { type, values: Array.from<number | bigint, number>(data as Iterable<number | bigint>, Number), dims }];
});
process.stdout.write(JSON.stringify(Object.fromEntries(outputs)));
