import { type Attributes, context, propagation, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { RequestError } from "../protocol/request-error.js";

/** Headers or metadata that may carry traceparent. */
export type Carrier = Readonly<Record<string, string | string[] | undefined>>;

const HEADERS = {
  keys: (carrier: Carrier): string[] => Object.keys(carrier),
  get: (carrier: Carrier, key: string): string | string[] | undefined => carrier[key.toLowerCase()],
};

/** Spans around requests, for the OpenTelemetry provider that the process has registered; without one nothing is done. */
export class Tracing {
  readonly #tracer = trace.getTracer("lagbag");

  /** The span of a request, with the caller's as its parent; undefined when nobody records. */
  start(name: string, carrier: () => Carrier, attributes: Attributes): Span | undefined {
    if (!isRegistered()) return undefined;
    const parent = propagation.extract(ROOT_CONTEXT, carrier(), HEADERS);
    return this.#tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
  }

  /** Ends a span, with the error if there was one. */
  end(span: Span | undefined, attributes: Attributes, error?: RequestError): void {
    if (span === undefined) return;
    span.setAttributes(attributes);
    if (error !== undefined) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
      span.setAttribute("error.type", error.kind);
    }
    span.end();
  }

  /** Runs with the span as the current one, so that what happens inside is its child. */
  within<T>(span: Span | undefined, run: () => T): T {
    return span === undefined ? run() : context.with(trace.setSpan(context.active(), span), run);
  }
}

/** The global provider is a proxy; what it stands for is the no-op provider until somebody registers one. */
function isRegistered(): boolean {
  const provider = trace.getTracerProvider() as { getDelegate?: () => object };
  return provider.getDelegate === undefined || provider.getDelegate().constructor.name !== "NoopTracerProvider";
}
