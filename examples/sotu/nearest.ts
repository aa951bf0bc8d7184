/** A row of the vectors and how near it is: the cosine of the angle, -1 to 1. */
export interface Neighbour {
  index: number;
  score: number;
}

/**
 * The `count` rows of `vectors` ([rows, question.length]) nearest to the question, nearest first. All vectors are taken
 * relative to the mean row: what every English paragraph has in common, "the" and "of" above all, would otherwise make
 * all of them alike. Rows of zeros, the bags without a word, are near to nothing.
 */
export function nearest(vectors: Float32Array, question: Float32Array, count: number): Neighbour[] {
  const dim = question.length;
  const rowCount = vectors.length / dim;
  const mean = meanRow(vectors, dim);
  const target = question.map((value, column) => value - mean[column]);
  const targetNorm = Math.hypot(...target);
  const neighbours: Neighbour[] = [];
  for (let index = 0; index < rowCount; index++) {
    let dot = 0;
    let squares = 0;
    let isEmpty = true;
    for (let column = 0; column < dim; column++) {
      const value = vectors[index * dim + column];
      const relative = value - mean[column];
      dot += relative * target[column];
      squares += relative * relative;
      isEmpty &&= value === 0;
    }
    if (!isEmpty) neighbours.push({ index, score: dot / (Math.sqrt(squares) * targetNorm || 1) });
  }
  return neighbours.sort((a, b) => b.score - a.score).slice(0, count);
}

function meanRow(vectors: Float32Array, dim: number): Float64Array {
  const mean = new Float64Array(dim);
  for (let at = 0; at < vectors.length; at++) mean[at % dim] += vectors[at];
  return mean.map((sum) => (sum * dim) / vectors.length);
}
