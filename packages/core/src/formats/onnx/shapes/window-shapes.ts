import { intOf, stringOf } from '../opset/node-edit.ts'
import type { ShapeCall, ShapeRule } from './shape-call.ts'
import { intsOf, times } from './shape-call.ts'

/** Size of an axis over which a window slides. */
function slid(
  call: ShapeCall,
  size: number | null,
  kernel: number | null,
  axis: number,
  axes: number,
): number | null {
  const { node } = call
  const stride = intsOf(node, 'strides')?.[axis] ?? 1
  const autoPad = stringOf(node, 'auto_pad') ?? 'NOTSET'
  if (size === null || kernel === null || stride < 1) return null
  if (autoPad.startsWith('SAME')) return Math.ceil(size / stride)
  const pads = autoPad === 'VALID' ? undefined : intsOf(node, 'pads')
  const padded = size + (pads?.[axis] ?? 0) + (pads?.[axis + axes] ?? 0)
  const dilation = intsOf(node, 'dilations')?.[axis] ?? 1
  const places = (padded - dilation * (kernel - 1) - 1) / stride
  return (intOf(node, 'ceil_mode') === 1 ? Math.ceil(places) : Math.floor(places)) + 1
}

export const conv: ShapeRule = (call) => {
  const [x, w] = [call.shape(0), call.shape(1)]
  if (x === undefined || w === undefined || x.length !== w.length) return []
  const spatial = x.slice(2)
  return [
    [
      x[0] ?? null,
      w[0] ?? null,
      ...spatial.map((size, axis) => slid(call, size, w[axis + 2] ?? null, axis, spatial.length)),
    ],
  ]
}

export const convTranspose: ShapeRule = ({ node, shape }) => {
  const [x, w] = [shape(0), shape(1)]
  if (x === undefined || w === undefined || x.length !== w.length) return []
  const given = intsOf(node, 'output_shape')
  const pads = intsOf(node, 'pads')
  const isSame = (stringOf(node, 'auto_pad') ?? '').startsWith('SAME')
  const spatial = x.slice(2).map((size, axis) => {
    const stride = intsOf(node, 'strides')?.[axis] ?? 1
    const kernel = w[axis + 2] ?? null
    if (given !== undefined) return given[axis] ?? null
    if (size === null || kernel === null) return null
    if (isSame) return size * stride
    const cut = (pads?.[axis] ?? 0) + (pads?.[axis + x.length - 2] ?? 0)
    const dilation = intsOf(node, 'dilations')?.[axis] ?? 1
    const extra = intsOf(node, 'output_padding')?.[axis] ?? 0
    return stride * (size - 1) + extra + dilation * (kernel - 1) + 1 - cut
  })
  return [[x[0] ?? null, times(w[1] ?? null, intOf(node, 'group') ?? 1), ...spatial]]
}

export const pool: ShapeRule = (call) => {
  const x = call.shape(0)
  const kernel = intsOf(call.node, 'kernel_shape')
  if (x === undefined || kernel?.length !== x.length - 2) return []
  const spatial = x
    .slice(2)
    .map((size, axis) => slid(call, size, kernel[axis] ?? null, axis, kernel.length))
  const out = [...x.slice(0, 2), ...spatial]
  return [out, out]
}

export const globalPool: ShapeRule = ({ shape }) => [
  shape(0)?.map((size, axis) => (axis < 2 ? size : 1)),
]
