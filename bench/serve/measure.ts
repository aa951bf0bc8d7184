import { LatencyRecorder } from "../measure/latency.js";
import { measureRounds, roundName } from "../measure/rounds.js";
import type { TimedCase } from "../measure/sample.js";
import { type Comparison, caseReport, compare, type Group } from "../report.js";
import { median, ratios, summarise } from "../statistics.js";
import type { SuiteRun } from "../suite.js";
import { expectedValues, firstDifference } from "../workloads/check.js";
import { materialise, type Workload } from "../workloads/workload.js";
import { openContenders, type ServedContender } from "./contenders.js";
import type { Listening } from "./servers.js";

const CHECKED_BATCHES = 16;
/** Requests of each connection in a run, when there are several. */
const REQUESTS_PER_RUN = 8;

/** Nanoseconds of the model's statistics: the whole of a request in the server, and the lookup in it. */
interface ServerTime {
  count: number;
  totalNs: number;
  lookupNs: number;
}

async function serverTime(port: number): Promise<ServerTime> {
  const reply = (await (await fetch(`http://127.0.0.1:${port}/v2/models/stats`)).json()) as {
    model_stats: { inference_stats: Record<string, { count: number; ns: number }> }[];
  };
  const { success, compute_infer } = reply.model_stats[0].inference_stats;
  return { count: success.count, totalNs: success.ns, lookupNs: compute_infer.ns };
}

/** Times all contenders on one workload, after their values were checked. */
export async function measureServers(
  run: SuiteRun,
  workload: Workload,
  { listening, connections }: { listening: Listening; connections: number },
): Promise<Group> {
  const { quick, progress } = run;
  const rounds = quick ? 3 : run.count("rounds", 1, 1000);
  const contenders = await openContenders(listening, workload.batches, connections);
  try {
    progress.show(`${workload.name}: checking against the reference`);
    const expected = expectedValues(workload, workload.seededTables.map(materialise), CHECKED_BATCHES);
    for (const { name, values } of contenders) {
      if (values === undefined) continue;
      for (const [batch, wanted] of expected) {
        const difference = firstDifference(await values(batch), wanted, 0);
        if (difference !== undefined) throw new Error(`${name}: ${difference}`);
      }
    }
    const recorders = contenders.map(() => new LatencyRecorder());
    const before = await serverTime(listening.rest);
    const rates = await measureRounds(
      contenders.map((contender, n) => timedCase(contender, recorders[n], connections)),
      {
        rounds,
        sampleSeconds: quick ? 0.1 : run.number("sample-ms", 10, 60_000) / 1000,
        onStart: (name, round) => progress.show(`${workload.name}: ${roundName(round, rounds)}: ${name}`),
        onSample: (name, round) => recorders[contenders.findIndex((one) => one.name === name)].endRound({ counts: round >= 0 }),
      },
    );
    const after = await serverTime(listening.rest);
    progress.clear();
    const answered = after.count - before.count;
    const lookupUs = (after.lookupNs - before.lookupNs) / answered / 1000;
    const serverUs = (after.totalNs - before.totalNs) / answered / 1000;
    return groupOf(workload, { contenders, rates, recorders, facts: { ...listening.facts, connections, serverUs, lookupUs } });
  } finally {
    for (const contender of contenders) contender.close();
  }
}

/** A run is some requests on every connection, one after the other on each, the connections together. */
function timedCase({ name, next }: ServedContender, recorder: LatencyRecorder, connections: number): TimedCase {
  const one = async (connection: number): Promise<void> => {
    const startMs = performance.now();
    await next(connection);
    recorder.record(startMs);
  };
  const requests = connections === 1 ? 1 : REQUESTS_PER_RUN;
  const stream = async (_: unknown, connection: number): Promise<void> => {
    for (let n = 0; n < requests; n += 1) await one(connection);
  };
  return {
    kind: "async",
    name,
    unitsPerRun: connections * requests,
    run: async () => {
      await Promise.all(Array.from({ length: connections }, stream));
    },
  };
}

function groupOf(
  workload: Workload,
  {
    contenders,
    rates,
    recorders,
    facts,
  }: {
    contenders: readonly ServedContender[];
    rates: readonly number[][];
    recorders: readonly LatencyRecorder[];
    facts: { lookupUs: number; serverUs: number } & Group["facts"];
  },
): Group {
  const cases = contenders.map(({ name }, n) => {
    const { rounds } = recorders[n];
    const p50Us = median(rounds.map((round) => round.p50Us));
    const share = name.startsWith("lagbag") ? { protocolShare: 1 - facts.lookupUs / p50Us } : {};
    return caseReport(name, "lookups/s", rates[n], { p50Us, p99Us: median(rounds.map((round) => round.p99Us)), ...share });
  });
  const latency = (of: number, to: number, goal?: number): Comparison => {
    const each = ratios(
      recorders[of].rounds.map((round) => round.p50Us),
      recorders[to].rounds.map((round) => round.p50Us),
    );
    return {
      of: cases[of].name,
      to: cases[to].name,
      what: "p50",
      rounds: each,
      summary: summarise(each),
      ...(goal === undefined ? {} : { goal }),
    };
  };
  const rest = cases.findIndex(({ name }) => name.includes("REST"));
  const grpc = cases.findIndex(({ name }) => name.includes("gRPC"));
  const empty = cases.findIndex(({ name }) => name.includes("empty handler"));
  const onnx = cases.findIndex(({ name }) => name.includes("onnxruntime"));
  const comparisons = [latency(rest, 0), latency(grpc, 0), latency(grpc, empty), compare(cases[rest], cases[0])];
  if (onnx >= 0)
    comparisons.push(compare(cases[rest], cases[onnx], workload.batchSize > 1 ? 1.2 : undefined), compare(cases[grpc], cases[onnx]));
  return { name: workload.name, description: workload.title, facts, cases, comparisons };
}
