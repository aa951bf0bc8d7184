import { type ChannelCredentials, credentials, loadPackageDefinition, Metadata, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { PROTO } from "./proto.js";

const loaded = loadPackageDefinition(loadSync(PROTO, { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true }));

type Callback = (error: ServiceError | null, reply: Reply) => void;
// biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects to be there, and fails when it is not.
export type Reply = any;
type Method = (request: object, metadata: Metadata, options: object, callback: Callback) => { cancel(): void };
export interface Duplex extends NodeJS.EventEmitter {
  write(request: object): void;
  end(): void;
}
// biome-ignore lint/suspicious/noExplicitAny: what loadPackageDefinition makes has no types.
const Service = (loaded as any).inference.GRPCInferenceService as new (
  address: string,
  security: ChannelCredentials,
  options: object,
) => Record<string, Method> & { close(): void };

/** A client made from the .proto. */
export class GrpcClient {
  readonly stub: InstanceType<typeof Service>;

  constructor(address: string, security: ChannelCredentials = credentials.createInsecure(), options: object = {}) {
    const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
    this.stub = new Service(address, security, { ...unlimited, ...options });
  }

  call(
    method: string,
    request: object = {},
    { metadata = {}, timeoutMs = 20_000 }: { metadata?: Record<string, string>; timeoutMs?: number } = {},
  ): Promise<Reply> {
    const sent = new Metadata();
    for (const [key, value] of Object.entries(metadata)) sent.set(key, value);
    return new Promise((resolve, reject) => {
      this.stub[method](request, sent, { deadline: Date.now() + timeoutMs }, (error, reply) =>
        error === null ? resolve(reply) : reject(error),
      );
    });
  }

  /** "INVALID_ARGUMENT details" of a call that has to fail. */
  async refusal(method: string, request: object, more: { metadata?: Record<string, string>; timeoutMs?: number } = {}): Promise<string> {
    try {
      await this.call(method, request, more);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error(`${method} was answered`);
  }

  stream(): Duplex {
    return (this.stub.ModelStreamInfer as unknown as () => Duplex).call(this.stub);
  }

  close(): void {
    this.stub.close();
  }
}

/** A request with typed contents. */
export function typedInfer(model: string, indices: readonly bigint[], lengths: readonly number[], more: object = {}): object {
  return {
    model_name: model,
    inputs: [
      { name: "INDICES", datatype: "INT64", shape: [indices.length], contents: { int64_contents: indices.map(String) } },
      { name: "LENGTHS", datatype: "INT32", shape: [lengths.length], contents: { int_contents: lengths } },
    ],
    ...more,
  };
}

/** The same with raw contents. */
export function rawInfer(model: string, indices: readonly bigint[], lengths: readonly number[], more: object = {}): object {
  return {
    model_name: model,
    inputs: [
      { name: "INDICES", datatype: "INT64", shape: [indices.length] },
      { name: "LENGTHS", datatype: "INT32", shape: [lengths.length] },
    ],
    raw_input_contents: [Buffer.from(BigInt64Array.from(indices).buffer), Buffer.from(Int32Array.from(lengths).buffer)],
    ...more,
  };
}
