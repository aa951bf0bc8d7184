/** What a table may be, as resolve.ts and planTables take it. */
export const MAX_ROWS = 2 ** 31 - 1;
export const MAX_DIM = 65536;

/**
 * Why a shape is no table's, or undefined if it is one.
 * @param shape whole numbers >= 0
 */
export function whyNoTable(shape: readonly number[]): string | undefined {
  const text = `shape [${shape.slice(0, 8).join(", ")}${shape.length > 8 ? ", ..." : ""}]`;
  if (shape.length !== 2) return `${text}, a table has two dimensions`;
  const [numRows, dim] = shape;
  if (numRows < 1 || numRows > MAX_ROWS) return `${text}, a table has 1 to ${MAX_ROWS} rows`;
  if (dim < 1 || dim > MAX_DIM) return `${text}, a row has 1 to ${MAX_DIM} values`;
  return undefined;
}

/** The product of a shape, or undefined where it passes 2^53 - 1 or an element is no whole number >= 0. */
export function productOf(shape: readonly unknown[]): number | undefined {
  let product = 1;
  for (const extent of shape) {
    if (typeof extent !== "number" || !Number.isSafeInteger(extent) || extent < 0) return undefined;
    product *= extent;
    // Not at once: a later 0 makes it 0, but no real tensor has extents like these beside it.
    if (!Number.isSafeInteger(product)) return undefined;
  }
  return product;
}
