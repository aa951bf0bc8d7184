import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerUnaryCall,
  type ServiceError,
  type sendUnaryData,
} from "@grpc/grpc-js";
import type { Access } from "../access.js";
import type { Inference } from "../inference.js";
import { configureModel, describeIndex, describeModel, describeStatistics, EXTENSIONS, SERVER_NAME } from "../model/describe.js";
import type { Repository } from "../model/repository.js";
import { loadService } from "./definition.js";
import { handleModelInfer, handleModelStreamInfer, toServiceError } from "./infer.js";

/** Probes ask without a token. */
const OPEN_METHODS = new Set(["ServerLive", "ServerReady"].map((name) => `/inference.GRPCInferenceService/${name}`));
const MESSAGE_OVERHEAD_BYTES = 16 * 1024;

export interface GrpcOptions {
  inference: Inference;
  access: Access;
  tls: { cert: Buffer; key: Buffer } | undefined;
  /** The package's version. */
  version: string;
}

interface Named {
  name: string;
  version: string;
}

/** The gRPC side. */
export class GrpcServer {
  readonly #server: Server;
  readonly #credentials: ServerCredentials;

  constructor({ inference, access, tls, version }: GrpcOptions) {
    const { limits, repository } = inference.parts;
    this.#server = new Server({
      "grpc.max_receive_message_length": limits.maxRequestBytes,
      "grpc.max_send_message_length": limits.maxResponseBytes + MESSAGE_OVERHEAD_BYTES,
      interceptors: access.isOpen ? [] : [authenticate(access)],
    });
    this.#credentials =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(null, [{ cert_chain: tls.cert, private_key: tls.key }]);
    this.#server.addService(loadService(), {
      ...describing(repository, version),
      ModelInfer: (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) =>
        void handleModelInfer(inference, call, callback),
      ModelStreamInfer: (call: Parameters<typeof handleModelStreamInfer>[1]) => handleModelStreamInfer(inference, call),
    });
  }

  /** Resolves to the port. */
  listen(host: string, port: number): Promise<number> {
    const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, this.#credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
    });
  }

  /** Takes no new calls; resolves when the running ones are over. */
  drain(): Promise<void> {
    return new Promise((resolve, reject) => this.#server.tryShutdown((error) => (error === undefined ? resolve() : reject(error))));
  }

  /** Ends all calls. */
  close(): void {
    this.#server.forceShutdown();
  }
}

/** The RPCs that tell something. */
function describing(repository: Repository, version: string): Record<string, handleUnaryCall<never, unknown>> {
  const unary =
    (answer: (request: never) => unknown): handleUnaryCall<never, unknown> =>
    (call, callback) => {
      try {
        callback(null, answer(call.request));
      } catch (error) {
        callback(toServiceError(error) as ServiceError);
      }
    };
  return {
    ServerLive: unary(() => ({ live: repository.live })),
    ServerReady: unary(() => ({ ready: repository.ready })),
    ModelReady: unary((asked: Named) => ({ ready: repository.find(asked.name, asked.version).state === "READY" && !repository.draining })),
    ServerMetadata: unary(() => ({ name: SERVER_NAME, version, extensions: EXTENSIONS })),
    ModelMetadata: unary((asked: Named) => {
      const model = repository.find(asked.name, asked.version);
      return { ...describeModel(model), versions: repository.versions(model.name).map((one) => one.version) };
    }),
    ModelConfig: unary((asked: Named) => ({ config: configureModel(repository.find(asked.name, asked.version)) })),
    ModelStatistics: unary(({ name, version: wanted }: Named) => {
      if (name === "") return { model_stats: repository.models.map(describeStatistics) };
      const models = wanted === "" ? repository.versions(name) : [repository.find(name, wanted)];
      return { model_stats: models.map(describeStatistics) };
    }),
    RepositoryIndex: unary(({ ready }: { ready: boolean }) => ({
      models: repository.models.filter(({ state }) => !ready || state === "READY").map(describeIndex),
    })),
  };
}

/** Looks at a call's metadata before its message is read. */
function authenticate(access: Access): ServerInterceptor {
  return ({ path }, call) => {
    if (OPEN_METHODS.has(path)) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, goOn) => {
            try {
              access.check(metadata.get("authorization").at(0)?.toString());
            } catch (error) {
              const { code, details } = toServiceError(error);
              call.sendStatus({ code, details });
              return;
            }
            goOn(metadata);
          },
        }),
    });
  };
}
