import { Counters } from "#host/collective/counters.js";
import { RankSteps } from "#host/collective/steps.js";
import { At } from "./at.js";
import { EngineModel } from "./engine-model.js";
import { SpmdModel } from "./spmd-model.js";

/** Models of a protocol with one small mistake each. A checker that lets one of them pass checks nothing. */

/** Publishes and writes a step too early. */
export class CreditOffByOne extends EngineModel {
  protected override makeSteps(rank: number): RankSteps {
    return new RankSteps(this.counters, rank, this.lagBound + 1, this.start);
  }
}

/** Has half the windows: with lagBound 1 as many as steps may be published, lagBound + 1, and none for the step that is written ahead. */
export class TooFewWindows extends SpmdModel {
  override get windows(): number {
    return super.windows / 2;
  }
}

/** Writes the next step whether there is credit or not. */
export class WritesWithoutCredit extends SpmdModel {
  protected override makeSteps(rank: number): RankSteps {
    return new (class extends RankSteps {
      override mayWrite(): boolean {
        return true;
      }
    })(this.counters, rank, this.lagBound, this.start);
  }
}

/** Takes a step for complete when its own message is there. */
export class CompletesTooEarly extends EngineModel {
  protected override makeSteps(rank: number): RankSteps {
    const { counters } = this;
    return new (class extends RankSteps {
      override hasComplete(): boolean {
        return counters.published(rank, rank) > this.released;
      }
    })(this.counters, rank, this.lagBound, this.start);
  }
}

/** Compares counters as if they did not wrap. */
export class ComparesPlainly extends EngineModel {
  protected override makeSteps(rank: number): RankSteps {
    const { counters, ranks } = this;
    return new (class extends RankSteps {
      override hasComplete(): boolean {
        for (let source = 0; source < ranks; source += 1) {
          if (!(counters.published(source, rank) > this.released)) return false;
        }
        return true;
      }
    })(this.counters, rank, this.lagBound, this.start);
  }
}

/** Gives its window back first and reads it then. */
export class ReleasesBeforeReading extends EngineModel {
  protected override beginFinish(rank: number): void {
    this.release(rank);
  }

  protected override endFinish(rank: number): void {
    this.readSlice(rank, this.steps[rank].released - 1);
  }
}

/** Looks, then reads the doorbell, then sleeps: a ring between the look and the reading is lost. */
export class ReadsTheBellLast extends EngineModel {
  protected override idle(who: number): void {
    this.at[who] = At.dozing;
  }
}

/** Closes with messages still withheld. */
export class ClosesWithoutHandingOver extends SpmdModel {
  protected override mustFlush(): boolean {
    return false;
  }
}

/** What somebody may sleep and wait for. */
export type News = "published" | "released" | "requested" | "over";

/** Rings nobody's bell after one kind of news. */
export function mute(news: News): typeof EngineModel {
  return class extends EngineModel {
    protected override makeCounters(words: Int32Array): Counters {
      return new MuteCounters(words, this.ranks, news);
    }
  };
}

class MuteCounters extends Counters {
  readonly #mutedNews: News;
  #lastNews: News = "over";

  constructor(words: Int32Array, ranks: number, mutedNews: News) {
    super(words, ranks);
    this.#mutedNews = mutedNews;
  }

  override setPublished(source: number, receiver: number, steps: number): void {
    super.setPublished(source, receiver, steps);
    this.#lastNews = "published";
  }

  override setReleased(rank: number, steps: number): void {
    super.setReleased(rank, steps);
    this.#lastNews = "released";
  }

  override setRequested(steps: number): void {
    super.setRequested(steps);
    this.#lastNews = "requested";
  }

  override ring(rank: number): void {
    const news = rank === this.ranks ? "over" : this.#lastNews;
    if (news !== this.#mutedNews) super.ring(rank);
  }
}
