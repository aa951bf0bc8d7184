import type { ServeHandle } from "lagbag/serve";

/** An answer of the REST side. */
export interface RestReply {
  status: number;
  headers: Headers;
  bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects to be there, and fails when it is not.
  json: any;
}

/** Sends a request; a body that is no bytes goes as JSON. */
export async function ask(
  { restUrl }: Pick<ServeHandle, "restUrl">,
  path: string,
  { method, body, headers }: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<RestReply> {
  const isBytes = body instanceof Uint8Array || typeof body === "string" || body === undefined;
  const payload = isBytes ? (body as Uint8Array<ArrayBuffer> | string | undefined) : JSON.stringify(body);
  const reply = await fetch(restUrl + path, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    ...(payload === undefined ? {} : { body: payload }),
    ...(headers === undefined ? {} : { headers }),
  });
  const bytes = Buffer.from(await reply.arrayBuffer());
  const header = Number(reply.headers.get("inference-header-content-length") ?? bytes.length);
  const text = bytes.toString("utf8", 0, header);
  return {
    status: reply.status,
    headers: reply.headers,
    bytes: bytes.subarray(header),
    json: text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text,
  };
}

/** A JSON tensor of 64-bit integers: its values go as numbers, whatever their size. */
export function inferText(request: {
  inputs: { name: string; datatype: string; shape: number[]; data: readonly (bigint | number)[] }[];
  more?: string;
}): string {
  const inputs = request.inputs.map(
    ({ name, datatype, shape, data }) => `{"name":"${name}","datatype":"${datatype}","shape":[${shape}],"data":[${data.join(",")}]}`,
  );
  return `{"inputs":[${inputs.join(",")}]${request.more === undefined ? "" : `,${request.more}`}}`;
}

/** A body with all tensors as binary data, and its header. */
export function binaryBody(
  tensors: readonly { name: string; datatype: string; shape: number[]; values: BigInt64Array | Int32Array | Float32Array }[],
  more: object = {},
): { body: Buffer; headers: Record<string, string> } {
  const inputs = tensors.map(({ name, datatype, shape, values }) => ({
    name,
    datatype,
    shape,
    parameters: { binary_data_size: values.byteLength },
  }));
  const head = Buffer.from(JSON.stringify({ inputs, ...more }));
  const data = tensors.map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  return { body: Buffer.concat([head, ...data]), headers: { "inference-header-content-length": String(head.length) } };
}

/** Floats of bytes, wherever they lie. */
export function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
