/**
 * Operators that ONNX Runtime adds to ai.onnx itself, at every operator set; files of its optimizer and
 * of onnxruntime-genai have them without a domain. LayerNormalization came to ONNX itself in set 17, alike.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/graph/contrib_ops/contrib_defs.cc
 */
export const RUNTIME_OPERATORS: ReadonlySet<string> = new Set([
  'LayerNormalization',
  'SimplifiedLayerNormalization',
])

/**
 * Operators whose newest version the CPU of ONNX Runtime does not run, and the operator set from which
 * on that is so. Read from the kernel list of onnxruntime 1.31; `oracles/opset_table.py` compares.
 * Bernoulli is a function of RandomUniformLike. Those that are left were run at sets 21 and 25 in
 * onnxruntime 1.30, alike.
 */
export const WITHOUT_KERNEL_SINCE: ReadonlyMap<string, number> = new Map([
  ['Bernoulli', 22],
  ['GlobalLpPool', 22],
  ['MaxRoiPool', 22],
  ['Multinomial', 22],
  ['RandomNormal', 22],
  ['RandomNormalLike', 22],
  ['RandomUniform', 22],
  ['RandomUniformLike', 22],
  ['RoiAlign', 22],
])
