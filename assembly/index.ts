/** The exports of the kernel module, nothing else. */
export { describeAbi } from "./abi";
export { findKey, insertKeys } from "./keys";
export { checkOffsets, reducePiece } from "./message";
export { resolveRows } from "./resolve";
export { poolPiece, takeGatheredRows } from "./piece";
