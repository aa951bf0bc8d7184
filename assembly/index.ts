/** The exports of the kernel module, nothing else. */
export { describeAbi } from "./abi";
export { checkOffsets, reducePiece } from "./message";
export { poolPiece, takeGatheredRows } from "./piece";
