/** The stage: every rank has an ONNX session of its own and runs it on its slice of each batch, right after the alltoallv. */
import ort from "onnxruntime-node";

export async function createStage({ options }) {
  // One thread a session: the ranks are the parallelism.
  const session = await ort.InferenceSession.create(options.model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  return {
    async run(features, { sampleCount }) {
      // A copy: onnxruntime takes no views of shared memory.
      const input = new ort.Tensor("float32", Float32Array.from(features), [sampleCount, features.length / sampleCount]);
      const { score } = await session.run({ features: input });
      return score.data;
    },
  };
}
