import type { FileRegion } from '../../base/bytes.ts'
import { decode } from '../../kernels/decode-encoding.ts'
import { bytesOf } from '../../tensor/dtype.ts'
import { columnsOf, rowsOf } from '../../tensor/weight.ts'
import type { Weight } from '../../tensor/weight.ts'
import { regionTensor } from '../onnx/stored-tensor.ts'
import { ensureDecodable } from './decode-limit.ts'
import { readEncoding } from './stored-encoding.ts'
import type { Rows } from './stored-encoding.ts'
import { evaluateChain } from './evaluate-chain.ts'
import type { StoredForm, StoredOther } from './stored-form.ts'

/** A weight that is decoded on each read; of plain floats the stored bytes can be read as well. */
export function storedWeight(name: string, form: StoredForm): Weight {
  const { dtype, shape } = form
  if (form.kind === 'float') {
    const { read, bytes, region } = form.values
    const source = { name, sizeInBytes: bytes, read, close: () => Promise.resolve() }
    const weight = regionTensor({ name, dtype, shape }, source, 0)
    return region === undefined ? weight : withRegion(weight, region)
  }
  const weight: Weight = {
    name,
    dtype,
    shape,
    readRows: (start, end) => readRows(form, name, { start, end }),
  }
  return form.kind === 'other' ? { ...weight, inOrder: () => computedOnce(weight, form) } : weight
}

/** What is computed step by step is computed whole: at the first read, for all that follow. */
function computedOnce(weight: Weight, { chain, shape }: StoredOther): Weight {
  let computed: Promise<Float32Array<ArrayBuffer>> | null = null
  return {
    ...weight,
    async readRows(start, end) {
      ensureRows(weight, { start, end })
      computed ??= evaluateChain(chain)
      const columns = columnsOf(shape)
      return (await computed).slice(start * columns, end * columns)
    },
  }
}

function withRegion(weight: Weight, region: FileRegion): Weight {
  const { dtype, shape } = weight
  const regionOfRows = (start: number, end: number): FileRegion => {
    const offset = bytesOf(dtype, start * columnsOf(shape))
    const length = bytesOf(dtype, end * columnsOf(shape)) - offset
    return { ...region, offset: region.offset + offset, length }
  }
  return { ...weight, regionOfRows }
}

/** Decodes rows `[start, end)`. */
async function readRows(
  form: StoredForm,
  name: string,
  rows: Rows,
): Promise<Float32Array<ArrayBuffer>> {
  const { start, end } = rows
  ensureRows({ name, shape: form.shape }, rows)
  const columns = columnsOf(form.shape)
  ensureDecodable([end - start, ...form.shape.slice(1)])
  const out = new Float32Array((end - start) * columns)
  // A block of no values divides nothing.
  if (out.length === 0) return out
  for (const piece of pieces(alignmentOf(form), rows)) {
    const read = outward(vectorRows(form), piece)
    const values = decode(await readEncoding(form, read))
    const first = (piece.start - read.start) * columns
    const count = (piece.end - piece.start) * columns
    out.set(values.subarray(first, first + count), (piece.start - start) * columns)
  }
  return out
}

function ensureRows({ name, shape }: Pick<Weight, 'name' | 'shape'>, { start, end }: Rows): void {
  if (start >= 0 && start <= end && end <= rowsOf(shape)) return
  throw new RangeError(`Rows ${start} to ${end} of "${name}", which has ${rowsOf(shape)}`)
}

/** Rows that share scales or tables. */
function alignmentOf(form: StoredForm): number {
  switch (form.kind) {
    case 'affine':
    case 'palette':
      return form.block[0] ?? 1
    case 'sparse':
      return alignmentOf(form.values)
    case 'float':
    case 'other':
      return 1
  }
}

/** Rows that one row of indices gives. */
function vectorRows(form: StoredForm): number {
  return form.kind === 'palette' && form.vector.axis === 0 ? form.vector.size : 1
}

/** What begins and ends inside a block apart from the whole blocks between. */
function pieces(block: number, { start, end }: Rows): readonly Rows[] {
  const first = Math.ceil(start / block) * block
  const last = Math.floor(end / block) * block
  if (first > last) return [{ start, end }]
  const all = [
    { start, end: first },
    { start: first, end: last },
    { start: last, end },
  ]
  return all.filter((piece) => piece.end > piece.start)
}

function outward(step: number, { start, end }: Rows): Rows {
  return { start: Math.floor(start / step) * step, end: Math.ceil(end / step) * step }
}
