import { intOf } from '../opset/node-edit.ts'
import type { Shape, ShapeCall } from './shape-call.ts'

/** Lists that exporters compute with: sizes, starts, ends. */
const MAX_VALUES = 64

/**
 * The numbers that a node makes of the sizes of tensors, as exporters do before a Reshape or a Slice;
 * `undefined` when they are none that a list of sizes needs.
 */
export function outputValues(call: ShapeCall): Shape | undefined {
  const { node, shape, values } = call
  if (node.domain !== '' && node.domain !== 'ai.onnx') return undefined
  switch (node.opType) {
    case 'Shape': {
      const x = shape(0)
      return x?.slice(intOf(node, 'start') ?? 0, intOf(node, 'end') ?? x.length)
    }
    case 'Identity':
    case 'Cast':
    case 'Reshape':
    case 'Squeeze':
    case 'Unsqueeze':
    case 'Floor':
    case 'Ceil':
      return values(0)?.map((value) => rounded(node.opType, value))
    case 'Concat':
      return concatenated(node.input.map((_, at) => values(at)))
    case 'Gather':
      return (intOf(node, 'axis') ?? 0) === 0 ? gathered(values(0), values(1)) : undefined
    case 'Slice':
      return sliced(call)
    case 'ConstantOfShape':
      return constants(values(0))
    default:
      return calculated(node.opType, values(0), values(1))
  }
}

function concatenated(parts: readonly (Shape | undefined)[]): Shape | undefined {
  const all = parts.flatMap((part) => part ?? [])
  return parts.every((part) => part !== undefined) && all.length <= MAX_VALUES ? all : undefined
}

function gathered(list: Shape | undefined, indices: Shape | undefined): Shape | undefined {
  if (list === undefined) return undefined
  return indices?.map((at) => (at === null ? null : (list.at(at) ?? null)))
}

function sliced({ values }: ShapeCall): Shape | undefined {
  const list = values(0)
  const [from, to, step] = [values(1)?.[0] ?? null, values(2)?.[0] ?? null, values(4)?.[0] ?? 1]
  if (list === undefined || from === null || to === null || step !== 1) return undefined
  return list.slice(from, Math.min(to, list.length))
}

/** How many values there are; which one they all have, nobody here asks. */
function constants(shape: Shape | undefined): Shape | undefined {
  const [count = null] = shape ?? []
  if (shape?.length !== 1 || count === null || count > MAX_VALUES) return undefined
  return Array.from({ length: count }, () => null)
}

function rounded(op: string, value: number | null): number | null {
  if (value === null) return null
  if (op === 'Floor') return Math.floor(value)
  return op === 'Ceil' ? Math.ceil(value) : value
}

const CALCULATIONS: Readonly<Record<string, (x: number, y: number) => number>> = {
  Add: (x, y) => x + y,
  Sub: (x, y) => x - y,
  Mul: (x, y) => x * y,
  Div: (x, y) => (Number.isInteger(x) && Number.isInteger(y) ? Math.trunc(x / y) : x / y),
  Max: Math.max,
  Min: Math.min,
}

function calculated(op: string, a: Shape | undefined, b: Shape | undefined): Shape | undefined {
  const calculate = Object.hasOwn(CALCULATIONS, op) ? CALCULATIONS[op] : undefined
  if (calculate === undefined || a === undefined || b === undefined) return undefined
  const length = Math.max(a.length, b.length)
  return Array.from({ length }, (_, at) => {
    const [x, y] = [a.length === 1 ? a[0] : a[at], b.length === 1 ? b[0] : b[at]]
    const value = calculate(x ?? Number.NaN, y ?? Number.NaN)
    return Number.isFinite(value) ? value : null
  })
}
