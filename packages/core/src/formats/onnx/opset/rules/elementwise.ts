import { TensorProto_DataType } from '../../generated/onnx_pb.ts'
import type { NodeProto } from '../../generated/onnx_pb.ts'
import { FLOAT_TYPES, int64List, scalar } from '../constants.ts'
import { attributeOf, editNode, floatOf, inputOf, labelOf, stringOf } from '../node-edit.ts'
import {
  blocked,
  keepOutputs,
  listInput,
  one,
  type Rewrite,
  type Rule,
  type RuleTable,
} from '../rule.ts'
import type { Scope } from '../scope.ts'

/** The default bounds of Clip before set 11: the largest float32 and its negative. */
const LARGEST_FLOAT = 3.4028234663852886e38
const LARGEST_HALF = 65504

const { FLOAT, FLOAT16 } = TensorProto_DataType

/** Bounds become inputs of the element type; a bound that cuts nothing is left out. */
const clipInputs: Rule = (node, scope) => {
  const min = boundOf(node, 'min', scope)
  const max = boundOf(node, 'max', scope)
  if (min === undefined || max === undefined) return untyped(inputOf(node, 0))
  return one(
    editNode(node, {
      inputs: [inputOf(node, 0), min, max],
      attributes: { min: undefined, max: undefined },
    }),
  )
}

/** The input's name, '' for no bound; `undefined` when the element type is not known. */
function boundOf(node: NodeProto, attribute: 'min' | 'max', scope: Scope): string | undefined {
  const bound = floatOf(node, attribute)
  const type = scope.elementType(inputOf(node, 0))
  if (bound === undefined || isNoBound(bound, attribute, type)) return ''
  return typedScalar(`${labelOf(node)}_${attribute}`, type, bound, scope)
}

function isNoBound(bound: number, attribute: 'min' | 'max', type: number | undefined): boolean {
  const outward = attribute === 'min' ? -bound : bound
  if (type === FLOAT16) return outward > LARGEST_HALF
  return type === FLOAT && outward >= LARGEST_FLOAT
}

/** Pads and value become inputs; a value of 0 is the default. */
const padInputs: Rule = (node, scope) => {
  const data = inputOf(node, 0)
  const value = floatOf(node, 'value') ?? 0
  const isConstant = (stringOf(node, 'mode') ?? 'constant') === 'constant'
  const fill =
    value === 0 || !isConstant
      ? ''
      : typedScalar(`${labelOf(node)}_value`, scope.elementType(data), value, scope)
  if (fill === undefined) return untyped(data)
  return one(
    editNode(node, {
      inputs: [data, listInput(node, 'pads', scope), fill],
      attributes: { pads: undefined, value: undefined },
    }),
  )
}

function typedScalar(
  base: string,
  type: number | undefined,
  value: number,
  scope: Scope,
): string | undefined {
  const known = FLOAT_TYPES.find((candidate) => candidate === type)
  return known === undefined ? undefined : scope.constant(base, scalar(known, value))
}

function untyped(value: string): Rewrite {
  return blocked(`the element type of "${value}" is not known or not a float`)
}

const MASK = 'its mask is read, and what an inactive Dropout gives there changed'

/** The mask, a float before, is a bool; while the model does not train, nothing else changed. */
const dropoutMask: Rule = (node, scope) => {
  const kept = keepOutputs(node, 1, scope)
  return kept === undefined ? blocked(MASK) : one(kept)
}

/** The ratio becomes an input. It acts in training only. */
const dropoutRatio: Rule = (node, scope) => {
  const kept = keepOutputs(node, 1, scope)
  if (kept === undefined) return blocked(MASK)
  const ratio = floatOf(node, 'ratio')
  const input =
    ratio === undefined ? '' : scope.constant(`${labelOf(node)}_ratio`, scalar(FLOAT, ratio))
  return one(
    editNode(kept, { inputs: [inputOf(node, 0), input], attributes: { ratio: undefined } }),
  )
}

/** Integers are refused from set 13 on. */
const floatsOnly: Rule = (node, scope) => {
  const type = scope.elementType(inputOf(node, 0))
  return type !== undefined && !FLOAT_TYPES.some((float) => float === type)
    ? blocked('it takes floats only from this operator set on')
    : one(node)
}

const scatterElements: Rule = (node) => one(editNode(node, { op: 'ScatterElements' }))

/** An axis, by default 1, becomes a scalar input, by default -2. */
const dftAxis: Rule = (node, scope) => {
  const axis = attributeOf(node, 'axis')?.i ?? 1n
  const input = scope.constant(`${labelOf(node)}_axis`, { ...int64List([axis]), dims: [] })
  return one(
    editNode(node, {
      inputs: [inputOf(node, 0), inputOf(node, 1), input],
      attributes: { axis: undefined },
    }),
  )
}

/** Operators on single elements, and those whose parameters became inputs. */
export const ELEMENTWISE_RULES: RuleTable = {
  Clip: { 11: clipInputs },
  DFT: { 20: dftAxis },
  Dropout: { 10: dropoutMask, 12: dropoutRatio },
  Erf: { 13: floatsOnly },
  Pad: { 11: padInputs },
  Scatter: { 11: scatterElements },
}
