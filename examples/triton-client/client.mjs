/**
 * Pooled lookups from `lagbag serve`, or from any server of the Open Inference Protocol with such a model (Triton), over REST with binary
 * tensors and over gRPC. A batch is jagged and feature-major: INDICES INT64 [n], LENGTHS INT32 [features * batch] -> POOLED FP32 [batch, columns].
 */
import { fileURLToPath } from "node:url";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const bytesOf = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

function inputsOf({ indices, lengths }) {
  return [
    { name: "INDICES", datatype: "INT64", shape: [indices.length], data: bytesOf(indices) },
    { name: "LENGTHS", datatype: "INT32", shape: [lengths.length], data: bytesOf(lengths) },
  ];
}

/** Little-endian floats, copied: they need not start on a multiple of 4. */
function floatsOf(bytes) {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** REST. batch: { indices: BigInt64Array, lengths: Int32Array }. Answers { shape, values: Float32Array }. */
export async function inferRest(url, model, batch) {
  const inputs = inputsOf(batch);
  const header = Buffer.from(
    JSON.stringify({
      inputs: inputs.map(({ name, datatype, shape, data }) => ({ name, datatype, shape, parameters: { binary_data_size: data.length } })),
      outputs: [{ name: "POOLED", parameters: { binary_data: true } }],
    }),
  );
  const response = await fetch(`${url}/v2/models/${model}/infer`, {
    method: "POST",
    headers: { "content-type": "application/octet-stream", "inference-header-content-length": String(header.length) },
    body: Buffer.concat([header, ...inputs.map(({ data }) => data)]),
  });
  const body = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(`${response.status}: ${JSON.parse(body.toString()).error}`);
  const headerBytes = Number(response.headers.get("inference-header-content-length"));
  const { outputs } = JSON.parse(body.subarray(0, headerBytes).toString());
  return { shape: outputs[0].shape, values: floatsOf(body.subarray(headerBytes)) };
}

/** A gRPC client; close() it. */
export class GrpcClient {
  #client;

  constructor(address) {
    const proto = loadSync(fileURLToPath(new URL("inference.proto", import.meta.url)), { keepCase: true, longs: Number });
    const { GRPCInferenceService } = loadPackageDefinition(proto).inference;
    this.#client = new GRPCInferenceService(address, credentials.createInsecure(), { "grpc.max_receive_message_length": -1 });
  }

  async ready(name) {
    return (await this.#call("ModelReady", { name })).ready;
  }

  /** As inferRest. */
  async infer(model, batch) {
    const inputs = inputsOf(batch);
    const answer = await this.#call("ModelInfer", {
      model_name: model,
      inputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
      raw_input_contents: inputs.map(({ data }) => data),
    });
    return { shape: answer.outputs[0].shape, values: floatsOf(answer.raw_output_contents[0]) };
  }

  close() {
    this.#client.close();
  }

  #call(method, request) {
    const deadline = Date.now() + 10_000;
    return new Promise((resolve, reject) => {
      this.#client[method](request, { deadline }, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
  }
}
