import type { EmbeddingErrorCode, ErrorPlace } from "#host/errors.js";
import type { ReferenceBatch, ReferenceFeature, ReferenceTable } from "#host/reference.js";

/** A lookup. */
export interface Case {
  /** NAME or NAME and words, unique. */
  name: string;
  tables: ReadonlyMap<string, ReferenceTable>;
  /** The picked features, in the order of the batch. */
  features: readonly ReferenceFeature[];
  batch: ReferenceBatch;
}

/** A lookup that has to be refused. */
export interface BadCase extends Case {
  code: EmbeddingErrorCode;
  /** What the error has to name; it may name more. */
  place: Pick<ErrorPlace, "feature" | "sample" | "position">;
}
