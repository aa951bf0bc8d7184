/** Row formats: how rows are packed, unpacked and held. Pure; knows floats and bytes, nothing of tables, memories or threads. */
export { dequantiseRows } from "./dequantise.js";
export { isQuantised, ROW_DTYPES, type RowDtype, rowBytes, valuesIn } from "./dtype.js";
export { quantiseRows } from "./quantise.js";
export { ShardStore, type ShardTarget } from "./store.js";
export { gatheredBytes, type StoredRow, scalesPlace, storedBytes, storedRow } from "./stored.js";
export { WholeRows } from "./whole-rows.js";
export { packedWriter, quantisingWriter, type TableWriter } from "./write.js";
export { FloatWriter } from "./write-floats.js";
