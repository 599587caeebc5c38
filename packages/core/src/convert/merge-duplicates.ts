import type { Finding } from '../base/finding.ts'
import { bodiesOf, readersOf } from '../formats/onnx/bodies.ts'
import type { OnnxDocument } from '../formats/onnx/document.ts'
import type { GraphProto } from '../formats/onnx/generated/onnx_pb.ts'
import { bytesOf } from '../tensor/dtype.ts'
import type { Weight } from '../tensor/weight.ts'
import { columnsOf, elementsOf, rowsOf } from '../tensor/weight.ts'
import type { LiftedWeight } from './lift-onnx.ts'
import { liftOnnx } from './lift-onnx.ts'

/** Values of each of two weights that are compared at a time: 4 MiB of float32. */
const COMPARED_VALUES = 2 ** 20

/** Rows beyond this are not read for a comparison: 64 MiB of float32. */
const LONGEST_ROW = 2 ** 24

/** First bytes of a weight that tell most apart. */
const HEAD_BYTES = 256

/** A document whose weights are stored once each, and what was said twice before. */
export type MergedDocument = {
  readonly document: OnnxDocument
  readonly findings: readonly Finding[]
}

/**
 * Lets operators that read weights of identical bytes read one of them, as exporters that unroll
 * shared layers or untie a table leave them. Only weights that can be quantized, so that what is only
 * carried stays as it is. The model is changed in place.
 */
export async function mergeDuplicates(document: OnnxDocument): Promise<MergedDocument> {
  const { graph } = document.model
  if (graph === undefined) return { document, findings: [] }
  const weights = new Map(document.weights)
  let bytes = 0
  let count = 0
  for (const group of await alikeGroups(document)) {
    const kept: LiftedWeight[] = []
    for (const weight of group) {
      const twin = await twinOf(weight, kept, document)
      if (twin === undefined) kept.push(weight)
      else {
        readInstead(graph, weight.name, twin.name)
        weights.delete(weight.name)
        bytes += bytesOf(weight.dtype, elementsOf(weight.shape))
        count++
      }
    }
  }
  if (count === 0) return { document, findings: [] }
  const message =
    count === 1
      ? `A weight repeats the bytes of another and is stored once: ${bytes} bytes less.`
      : `${count} weights repeat the bytes of others and are stored once: ${bytes} bytes less.`
  return {
    document: { ...document, weights },
    findings: [{ code: 'duplicate-weights', severity: 'info', message }],
  }
}

/** Weights of one dtype, shape and order that start alike, by which they may be the same. */
async function alikeGroups(document: OnnxDocument): Promise<readonly (readonly LiftedWeight[])[]> {
  const { model } = document
  const inputs = new Set(model.graph?.input.map(({ name }) => name))
  const hidden = new Set(
    bodiesOf(model)
      .slice(1)
      .flatMap(({ graph }) => ownNames(graph)),
  )
  const groups = new Map<string, LiftedWeight[]>()
  for (const source of liftOnnx(document, 'model').sources.values()) {
    const { name, path, dtype, shape, order, whyFloat } = source
    // A caller may set an input to something else; a nested graph may mean something else by a name.
    if (path !== '' || whyFloat !== null || inputs.has(name) || hidden.has(name)) continue
    const head = await headOf(document.weights.get(name))
    if (head === undefined) continue
    const key = [dtype, shape.join('x'), order, head].join(' ')
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [source])
    else group.push(source)
  }
  return [...groups.values()].filter(({ length }) => length > 1)
}

function ownNames(graph: GraphProto): readonly string[] {
  return [
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name),
    ...graph.node.flatMap(({ output }) => output),
  ]
}

async function headOf(weight: Weight | undefined): Promise<string | undefined> {
  if (weight?.readStoredRows === undefined || rowsOf(weight.shape) === 0) return undefined
  if (columnsOf(weight.shape) > LONGEST_ROW) return undefined
  const bytes = await weight.readStoredRows(0, 1)
  return bytes.subarray(0, HEAD_BYTES).join()
}

/** The first of `others` with the same bytes that may stand for a weight. */
async function twinOf(
  weight: LiftedWeight,
  others: readonly LiftedWeight[],
  { weights }: OnnxDocument,
): Promise<LiftedWeight | undefined> {
  for (const other of others) {
    // Together a table and a linear layer would be one table that is also the head.
    if (other.role !== weight.role) continue
    if (await isSame(weights.get(weight.name), weights.get(other.name))) return other
  }
  return undefined
}

async function isSame(a: Weight | undefined, b: Weight | undefined): Promise<boolean> {
  if (a?.readStoredRows === undefined || b?.readStoredRows === undefined) return false
  const rows = rowsOf(a.shape)
  const step = Math.max(1, Math.floor(COMPARED_VALUES / Math.max(1, columnsOf(a.shape))))
  for (let start = 0; start < rows; start += step) {
    const end = Math.min(rows, start + step)
    const [x, y] = [await a.readStoredRows(start, end), await b.readStoredRows(start, end)]
    if (x.length !== y.length || x.some((byte, at) => byte !== y[at])) return false
  }
  return true
}

function readInstead(graph: GraphProto, name: string, other: string): void {
  for (const { node } of readersOf(graph, name)) {
    node.input = node.input.map((input) => (input === name ? other : input))
  }
  graph.initializer = graph.initializer.filter((tensor) => tensor.name !== name)
  graph.valueInfo = graph.valueInfo.filter((info) => info.name !== name)
}
