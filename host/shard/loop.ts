import { distance } from "../collective/counters.js";
import { Doorbell } from "../collective/doorbell.js";
import { Offers } from "../collective/offers.js";
import { SharingSteps } from "../collective/sharing.js";
import { Act, RankSteps } from "../collective/steps.js";
import { CoreTime } from "./core-time.js";
import { RANK_STAT, type RankConfig, type RankWork } from "./rank.js";

/** A rank that found nothing to do blocks this long at most before it lets its event loop run. */
const BLOCKING_WAIT_MS = 50;
/** An idle rank waits asynchronously in turns of this length: a lost wake-up would cost one turn, not a hang. */
const ASYNC_WAIT_MS = 1000;
/** A busy rank lets its event loop run this often, for console output and a stage's timers would starve otherwise, and looks how much of a core it gets. */
const YIELD_EVERY_MS = 20;

/** A stage that promises and has held its rank's thread for more than this part of its time is none that goes on elsewhere. */
const STARTING_SHARE = 0.25;

function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The steps of a rank that shares its writes. */
function sharingSteps(config: RankConfig, work: RankWork): SharingSteps {
  const { exchange, map, ranks, rank, lagBound, counterStart } = config;
  const words = new Int32Array(exchange.buffer, map.offersPtr, Offers.byteLength(ranks) / Int32Array.BYTES_PER_ELEMENT);
  return new SharingSteps(work.counters, new Offers(words), { rank, lagBound, start: counterStart });
}

/**
 * A rank's loop: takes the acts that RankSteps allows, in its order, until the engine stops. One turn never blocks on one thing
 * while another is ready; with nothing ready it spins, then sleeps on its doorbell.
 */
export async function runRank(config: RankConfig, work: RankWork): Promise<void> {
  const { counters, stats } = work;
  const sharing = config.stealUnitBytes !== undefined ? sharingSteps(config, work) : undefined;
  const steps = sharing ?? new RankSteps(counters, config.rank, config.lagBound, config.counterStart);
  const bell = new Doorbell(counters, config.rank, config.spins);
  let pending: Promise<void> | undefined;
  let writeStarted = 0;
  let finishStarted = 0;
  /** Milliseconds for which the stage that is pending held this thread before it gave its promise. */
  let startMs = 0;
  /** Whether the stage goes on elsewhere: the last one did not hold this thread for long. */
  let startsOnly = false;
  let lastYield = performance.now();
  let lastAct = lastYield;
  const core = new CoreTime();

  const release = (): void => {
    startsOnly = pending !== undefined && startMs <= STARTING_SHARE * (performance.now() - finishStarted);
    work.noteFinish(steps.released, finishStarted, startsOnly);
    pending = undefined;
    if (steps.release()) counters.ring(counters.ranks);
  };

  while (!counters.stopped()) {
    const quick = steps.hasComplete() && work.isQuick(steps.released);
    const seen = bell.read();
    // Read after the bell: a bound that is raised later rings it.
    steps.lagBound = counters.lagBound();
    const act = steps.next(quick, pending !== undefined, startsOnly);
    if (act === Act.publish) {
      steps.publish();
    } else if (act === Act.write) {
      if (sharing === undefined) writeWhole();
      else writeShared(sharing, seen);
    } else if (act === Act.finish) {
      finishStarted = performance.now();
      pending = work.finish(steps.released)?.then(release);
      startMs = performance.now() - finishStarted;
      if (pending === undefined) release();
    } else if (sharing?.mayHelp()) {
      help(sharing);
      // A stage's promise settles on the event loop only.
      if (pending !== undefined) await yieldToEventLoop();
    } else if (!bell.spin(seen)) {
      // `seen` was read before next() looked at everything, so a change since then makes these waits return at once.
      const started = performance.now();
      const cause = waitCause();
      if (pending !== undefined) await Promise.race([pending, bell.waitAsync(seen, ASYNC_WAIT_MS)]);
      else if (started - lastAct < BLOCKING_WAIT_MS) bell.waitBlocking(seen, BLOCKING_WAIT_MS);
      else await bell.waitAsync(seen, ASYNC_WAIT_MS);
      stats[RANK_STAT.waits] += 1;
      stats[cause] += performance.now() - started;
      continue;
    } else continue;
    lastAct = performance.now();
    if (lastAct - lastYield > YIELD_EVERY_MS) {
      await yieldToEventLoop();
      lastYield = performance.now();
      noteCoreTime();
    }
  }

  function noteCoreTime(): void {
    const times = core.read();
    if (times === undefined) return;
    stats[RANK_STAT.coreMs] = times.coreMs;
    stats[RANK_STAT.waitForCoreMs] = times.waitForCoreMs;
  }

  function writeWhole(): void {
    const started = performance.now();
    work.write(steps.written);
    work.noteWrite(steps.written, started, started);
    steps.wrote();
  }

  /**
   * Opens the next step, or goes on with the one that is open, until no unit is left or the bell has rung: there may be something then that
   * comes first. What is too small for units is written whole.
   */
  function writeShared(shared: SharingSteps, seen: number): void {
    const started = performance.now();
    if (!shared.isOpen) {
      writeStarted = started;
      const step = shared.opened;
      const units = work.cut(step);
      if (units === 0) work.write(step);
      shared.open(units);
    }
    const step = (shared.opened - 1) | 0;
    while (shared.isOpen) {
      const unit = shared.claim();
      if (unit < 0) break;
      work.poolUnit(config.rank, step, unit);
      shared.done();
      if (bell.read() !== seen) break;
    }
    work.noteWrite(step, writeStarted, started);
  }

  /** Does a unit of another rank's step. */
  function help(shared: SharingSteps): void {
    const unit = shared.take();
    if (unit < 0) return;
    const started = performance.now();
    work.poolUnit(shared.owner, shared.offeredStep, unit);
    shared.handIn();
    work.noteHelp(started);
  }

  /** The counter that a wait which starts now belongs to. */
  function waitCause(): number {
    if (sharing !== undefined && distance(sharing.opened, steps.written) > 0) return RANK_STAT.waitForHelpersMs;
    if (distance(counters.requested(), steps.written) > 0) return RANK_STAT.waitForCreditMs;
    if (pending !== undefined) return RANK_STAT.waitForStageMs;
    return distance(steps.written, steps.released) > 0 ? RANK_STAT.waitForDataMs : RANK_STAT.idleMs;
  }
}
