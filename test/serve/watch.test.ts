import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { context, propagation, SpanStatusCode, trace } from "@opentelemetry/api";
import type { ServeHandle } from "lagbag/serve";
import { pino } from "pino";
import { seededRandom } from "../cases.js";
import { GrpcClient, rawInfer } from "./grpc-client.js";
import { ask, inferText } from "./rest-client.js";
import { NUM_ROWS, randomBags, serveSomewhere, testModel } from "./serving.js";

const random = seededRandom(56);
const model = testModel(random, "m");
const odd = testModel(random, '<b>&"x', { engine: { inline: "never" } });
const lines: string[] = [];
const log = pino(
  { level: "debug" },
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  }),
);
let handle: ServeHandle;

beforeAll(async () => {
  handle = await serveSomewhere({ models: [model.source, odd.source], log });
  await handle.ready;
});
afterAll(() => handle.close());

const BODY = inferText({
  inputs: [
    { name: "INDICES", datatype: "INT64", shape: [2], data: [7, 8] },
    { name: "LENGTHS", datatype: "INT32", shape: [3], data: [1, 1, 0] },
  ],
});

async function metrics(): Promise<string> {
  const reply = await fetch(handle.metricsUrl);
  expect(reply.headers.get("content-type")).toContain("text/plain");
  return reply.text();
}

describe("/metrics", () => {
  test("counts requests by model, wire and outcome, rows and seconds; unknown names are no labels", async () => {
    const client = new GrpcClient(handle.grpcAddress);
    await ask(handle, "/v2/models/m/infer", { body: BODY });
    await ask(handle, "/v2/models/m/infer", { body: "{}" });
    await ask(handle, "/v2/models/made-up/infer", { body: BODY });
    await client.call("ModelInfer", rawInfer("m", [7n], [1, 0, 0]));
    client.close();
    const text = await metrics();
    expect(text).toContain('lagbag_requests_total{model="m",wire="rest",outcome="ok"} 1\n');
    expect(text).toContain('lagbag_requests_total{model="m",wire="rest",outcome="invalid"}');
    expect(text).toContain('lagbag_requests_total{model="",wire="rest",outcome="not_found"} 1\n');
    expect(text).toContain('lagbag_requests_total{model="m",wire="grpc",outcome="ok"} 1\n');
    expect(text).toContain('lagbag_rows_total{model="m",wire="rest"} 2\n');
    expect(text).toContain('lagbag_request_duration_seconds_count{model="m",wire="grpc"} 1\n');
    expect(text).not.toContain("made-up");
  });

  test("tells steps, waits, lag, credits and memory of every rank", async () => {
    const text = await metrics();
    for (const rank of [0, 1]) {
      for (const name of [
        "gathered_rows",
        "write_seconds",
        "wait_credit_seconds",
        "wait_data_seconds",
        "idle_seconds",
        "lag_steps",
        "credits",
      ]) {
        expect(text).toMatch(new RegExp(`^lagbag_rank_${name}\\{model="m",version="1",rank="${rank}"\\} [\\d.e-]+$`, "m"));
      }
    }
    expect(text).toMatch(/^lagbag_rank_credits\{model="m",version="1",rank="0"\} 5$/m);
    expect(text).toMatch(/^lagbag_engine_table_bytes\{model="m",version="1"\} \d{4,}$/m);
    expect(text).toContain("lagbag_ready 1\n");
    expect(text).toContain("process_resident_memory_bytes");
    expect((await fetch(handle.metricsUrl.replace("/metrics", "/other"))).status).toBe(404);
  });
});

describe("logs", () => {
  test("are JSON lines that tell outcomes and no bodies", async () => {
    lines.length = 0;
    await ask(handle, "/v2/models/m/infer", { body: BODY });
    await ask(handle, "/v2/models/m/infer", { body: BODY.replace("[7,8]", "[7,12345]") });
    const read = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(read).toMatchObject([
      { msg: "request", model: "m", wire: "rest", outcome: "ok", rows: 2 },
      { msg: "request", outcome: "invalid", error: expect.stringContaining("got 12345") },
    ]);
    expect(lines.join("")).not.toContain("INDICES");
  });
});

describe("traces", () => {
  test("every request is a span below the caller's, once somebody registers a provider", async () => {
    const spans: { name: string; parent: string | undefined; attributes: Record<string, unknown>; status: unknown; ended: boolean }[] = [];
    const tracer = {
      startSpan: (name: string, { attributes = {} }: { attributes?: Record<string, unknown> } = {}, parent = context.active()) => {
        const span = {
          name,
          parent: trace.getSpanContext(parent)?.traceId,
          attributes: { ...attributes },
          status: undefined as unknown,
          ended: false,
        };
        spans.push(span);
        return {
          setAttributes: (more: object) => Object.assign(span.attributes, more),
          setAttribute: (key: string, value: unknown) => Object.assign(span.attributes, { [key]: value }),
          setStatus: (status: unknown) => Object.assign(span, { status }),
          end: () => Object.assign(span, { ended: true }),
        };
      },
    };
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    // What the SDK's W3C propagator does, as far as this test needs it.
    propagation.setGlobalPropagator({
      inject: () => {},
      fields: () => ["traceparent"],
      extract: (into, carrier, getter) => {
        const [, id, spanId] = String(getter.get(carrier, "traceparent")).split("-");
        return trace.setSpanContext(into, { traceId: id, spanId, traceFlags: 1, isRemote: true });
      },
    });
    trace.setGlobalTracerProvider({ getTracer: () => tracer } as never);
    try {
      const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
      await ask(handle, "/v2/models/m/infer", { body: BODY, headers });
      const client = new GrpcClient(handle.grpcAddress);
      await client.refusal("ModelInfer", rawInfer("m", [100n], [1, 0, 0]), { metadata: headers });
      client.close();
    } finally {
      trace.disable();
      propagation.disable();
    }
    expect(spans).toMatchObject([
      {
        name: "infer",
        parent: traceId,
        ended: true,
        status: undefined,
        attributes: { "rpc.system": "rest", "lagbag.model": "m", "lagbag.rows": 2 },
      },
      { parent: traceId, ended: true, status: { code: SpanStatusCode.ERROR }, attributes: { "error.type": "invalid" } },
    ]);
    await ask(handle, "/v2/models/m/infer", { body: BODY });
    expect(spans.length).toBe(2);
  });
});

describe("the status page", () => {
  test("shows models, ranks, hot features and tables, escaped, under a policy that allows nothing else", async () => {
    const client = new GrpcClient(handle.grpcAddress);
    for (let n = 0; n < 40; n += 1) {
      const bags = randomBags(random, 4, NUM_ROWS);
      await client.call("ModelInfer", rawInfer('<b>&"x', bags.indices, bags.lengths));
    }
    client.close();
    for (let tries = 0; tries < 100; tries += 1) {
      const { json: page } = await ask(handle, "/");
      if (page.includes('aria-label="What each rank did')) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { status, headers, json: page } = await ask(handle, "/");
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/=]+'; /);
    expect(page).toContain("<h2>&#60;b&#62;&#38;&#34;x</h2>");
    expect(page).not.toContain("<b>");
    for (const part of ["rank 1", "users", "items", "places", "ready", 'http-equiv="refresh"']) expect(page).toContain(part);
    expect(page).not.toMatch(/<script|https?:\/\//);
  });
});
