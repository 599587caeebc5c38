import { MixbitError } from '../../../base/error.ts'
import { DEQUANTIZE_OPSETS } from '../../../targets/onnx-opsets.ts'
import type { OnnxDocument } from '../document.ts'
import { opsetOf, raiseOpset } from './raise-opset.ts'

/**
 * The newest opset that forms may need to which the document can go: at least its own; null when it
 * can have every one.
 */
export function opsetLimit({ model }: OnnxDocument): number | null {
  const [newest] = DEQUANTIZE_OPSETS
  const opset = opsetOf(model.opsetImport)
  const reachable = DEQUANTIZE_OPSETS.find(
    (target) => target <= opset || 'model' in raiseOpset(model, target),
  )
  if (reachable === newest) return null
  return Math.max(opset, reachable ?? opset)
}

/**
 * The document at an opset, or as it is where it has that or a newer one.
 *
 * @throws `unsupported-scheme` when a node cannot be raised
 */
export function raiseDocument(document: OnnxDocument, opset: number): OnnxDocument {
  if (opset <= opsetOf(document.model.opsetImport)) return document
  const result = raiseOpset(document.model, opset)
  if ('model' in result) return { ...document, model: result.model }
  const [first] = result.blockedBy
  throw new MixbitError(
    'unsupported-scheme',
    `The plan needs opset ${opset}, but ${first?.op ?? 'a node'} "${first?.node ?? ''}" cannot be raised: ${first?.reason ?? ''}. Plan again with \`mixbit plan\`, which keeps to what the model can have.`,
    { opset, node: first?.node ?? '' },
  )
}
