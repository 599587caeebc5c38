import { TensorProto_DataType, type NodeProto } from '../../generated/onnx_pb.ts'
import { onnxNode } from '../../nodes.ts'
import { attributeOf, editNode, inputOf, labelOf, stringOf } from '../node-edit.ts'
import { blocked, one, type Rewrite, type Rule, type RuleTable } from '../rule.ts'
import type { Scope } from '../scope.ts'

const { FLOAT } = TensorProto_DataType

/** Scales become an input. */
const upsampleScales: Rule = (node, scope) => {
  const values = attributeOf(node, 'scales')?.floats ?? []
  const scales = scope.constant(`${labelOf(node)}_scales`, {
    elementType: FLOAT,
    dims: [values.length],
    values,
  })
  return one(
    editNode(node, { inputs: [inputOf(node, 0), scales], attributes: { scales: undefined } }),
  )
}

/** Resize takes Upsample's place. An Upsample's scales are at least 1. */
const upsampleToResize: Rule = (node, scope) =>
  one(
    editNode(node, {
      op: 'Resize',
      // Read by the rule for set 11; the scales may be computed.
      attributes: scope.target >= 11 ? { nearest_mode: { kind: 'string', value: 'floor' } } : {},
    }),
  )

type Nearest = 'floor' | 'ceil'

/**
 * Set 10 counts pixels from their corners (`asymmetric`). Its nearest pixel is the one below when an
 * axis grows and the one above when it shrinks, as ONNX's test cases and ONNX Runtime have it; where
 * both happen or the scales are computed, one Resize grows and a second one shrinks.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/providers/cpu/tensor/upsamplebase.h ResizeNearestMode::SIMPLE
 */
const resizeFromCorners: Rule = (node, scope) => {
  const scales = inputOf(node, 1)
  const factors = scope.numbers(scales)
  const known = stringOf(node, 'nearest_mode')
  if (known === 'floor' || (stringOf(node, 'mode') ?? 'nearest') !== 'nearest')
    return one(asymmetric(node, scales, 'floor', scope))
  if (factors?.every((factor) => factor >= 1)) return one(asymmetric(node, scales, 'floor', scope))
  if (factors?.every((factor) => factor <= 1)) return one(asymmetric(node, scales, 'ceil', scope))
  return growThenShrink(node, scales, scope)
}

function growThenShrink(node: NodeProto, scales: string, scope: Scope): Rewrite {
  const label = labelOf(node)
  const unit = scope.constant(`${label}_one`, { elementType: FLOAT, dims: [1], values: [1] })
  const grow = scope.newName(`${label}_grow`)
  const shrink = scope.newName(`${label}_shrink`)
  const grown = scope.newName(`${label}_grown`)
  // ONNX Runtime refuses two nodes of one name.
  const first = editNode(node, { name: grown, outputs: [grown] })
  const second = editNode(node, { inputs: [grown] })
  return {
    nodes: [
      onnxNode({ op: 'Max', name: grow, inputs: [scales, unit], outputs: [grow] }),
      asymmetric(first, grow, 'floor', scope),
      onnxNode({ op: 'Min', name: shrink, inputs: [scales, unit], outputs: [shrink] }),
      asymmetric(second, shrink, 'ceil', scope),
    ],
  }
}

function asymmetric(node: NodeProto, scales: string, nearest: Nearest, scope: Scope): NodeProto {
  const isNearest = (stringOf(node, 'mode') ?? 'nearest') === 'nearest'
  return editNode(node, {
    inputs: [inputOf(node, 0), noRegion(node, scope), scales],
    attributes: {
      coordinate_transformation_mode: { kind: 'string', value: 'asymmetric' },
      nearest_mode: isNearest ? { kind: 'string', value: nearest } : undefined,
    },
  })
}

/** The region of interest must be given in set 11; without cropping it may be empty. */
function noRegion(node: NodeProto, scope: Scope): string {
  return scope.constant(`${labelOf(node)}_roi`, { elementType: FLOAT, dims: [0], values: [] })
}

/**
 * The region may be left out, and `tf_half_pixel_for_nn` is gone: its x = (i + 0.5) / scale rounded
 * down is `half_pixel`'s x = (i + 0.5) / scale - 0.5 rounded to the nearest, ties up.
 */
const resizeOptionalRegion: Rule = (node) => {
  const transformation = stringOf(node, 'coordinate_transformation_mode')
  const [data = '', roi = '', scales = '', sizes = ''] = node.input
  const region = transformation === 'tf_crop_and_resize' ? roi : ''
  const edited = editNode(node, { inputs: [data, region, scales, sizes] })
  if (transformation !== 'tf_half_pixel_for_nn') return one(edited)
  const isNearest = (stringOf(node, 'mode') ?? 'nearest') === 'nearest'
  if (!isNearest || stringOf(node, 'nearest_mode') !== 'floor') {
    return blocked('coordinate_transformation_mode tf_half_pixel_for_nn is gone')
  }
  return one(
    editNode(edited, {
      attributes: {
        coordinate_transformation_mode: { kind: 'string', value: 'half_pixel' },
        nearest_mode: { kind: 'string', value: 'round_prefer_ceil' },
      },
    }),
  )
}

/** Only one of scales and sizes may be given; before, an empty tensor could stand for the other. */
const resizeOneOf: Rule = (node, scope) => {
  const [data = '', roi = '', scales = '', sizes = ''] = node.input
  if (sizes === '' || scales === '') return one(node)
  const isEmpty = scope.numbers(sizes)?.length === 0
  return one(editNode(node, { inputs: isEmpty ? [data, roi, scales] : [data, roi, '', sizes] }))
}

/** Upsample and Resize. */
export const RESIZE_RULES: RuleTable = {
  Upsample: { 9: upsampleScales, 10: upsampleToResize },
  Resize: { 11: resizeFromCorners, 13: resizeOptionalRegion, 18: resizeOneOf },
}
