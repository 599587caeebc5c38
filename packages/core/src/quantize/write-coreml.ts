import { freeMemory } from '../base/free-memory.ts'
import type { Host } from '../base/host.ts'
import type { PartChunk } from '../formats/coreml/part-chunks.ts'
import { joinSlabs } from '../formats/coreml/part-chunks.ts'
import type { CoremlModel } from '../formats/coreml/read-package.ts'
import type { Replacement, WrittenPackage } from '../formats/coreml/write-package.ts'
import { inFileOrder, writeCoremlPackage } from '../formats/coreml/write-package.ts'
import type { LayerPlan } from '../plan/plan-types.ts'
import { rowsOf } from '../tensor/weight.ts'
import type { EncodeSlabInput, EncodedSlab } from './encode-slab.ts'
import type { LayerErrors, LayerTotals } from './layer-totals.ts'
import { EMPTY_TOTALS, addChunk, layerErrors } from './layer-totals.ts'
import { slabInputs } from './slab-inputs.ts'
import type { WeightChange } from './slab-inputs.ts'
import type { SlabLimits } from './survey-weight.ts'

export type WriteCoremlRequest = {
  readonly model: CoremlModel
  /** An existing folder that becomes the package. */
  readonly folder: string
  readonly changes: readonly WeightChange[]
  /** How weights are cut into jobs; the bytes do not depend on it. */
  readonly limits?: SlabLimits
}

export type WrittenCoreml = WrittenPackage & {
  readonly layers: readonly WrittenLayer[]
}

export type WrittenLayer = {
  readonly plan: LayerPlan
  readonly totals: LayerErrors
  /** Of its arrays, as they are stored. */
  readonly bytes: number
}

/**
 * Writes a package with some weights stored anew; everything else is copied as it is. Weights stream
 * through the pool slab by slab, in the order of the weight file.
 */
export async function writeCoreml(
  host: Pick<Host, 'create' | 'createFolder' | 'open' | 'within' | 'pool' | 'emit'>,
  request: WriteCoremlRequest,
): Promise<WrittenCoreml> {
  const { model, folder, changes, limits } = request
  const byName = new Map(changes.map((change) => [change.name, change]))
  const order = inFileOrder(model.document, byName.keys())
  const totals = new Map<string, LayerTotals>()
  const bytes = new Map<string, number>()
  const stream = slabStream(host, { model, order, changes: byName, limits })
  const replacements = new Map<string, Replacement>()
  for (const [index, name] of order.entries()) {
    const change = byName.get(name)
    if (change === undefined) continue
    const parts = async function* (): AsyncGenerator<PartChunk> {
      for await (const chunk of joinSlabs(
        change.form,
        counted(stream.slabsOf(name), name, totals),
      )) {
        bytes.set(name, (bytes.get(name) ?? 0) + chunk.bytes.length)
        yield chunk
        freeMemory([chunk.bytes])
      }
      const progress = { done: index + 1, total: order.length, unit: 'weights' }
      host.emit({ kind: 'progress', stage: 'quantize', ...progress })
    }
    replacements.set(name, { form: change.form, parts })
  }
  try {
    const written = await writeCoremlPackage(host, { model, folder, replacements })
    const layers = changes.map(({ name, plan }) => ({
      plan,
      totals: layerErrors(totals.get(name) ?? EMPTY_TOTALS),
      bytes: bytes.get(name) ?? 0,
    }))
    return { ...written, layers }
  } finally {
    await stream.end()
  }
}

/** Passes slabs on and adds up what they cost. */
async function* counted(
  slabs: AsyncIterable<EncodedSlab & { readonly elements: number }>,
  name: string,
  totals: Map<string, LayerTotals>,
): AsyncGenerator<EncodedSlab> {
  for await (const slab of slabs) {
    const { error, elements } = slab
    const before = totals.get(name) ?? EMPTY_TOTALS
    totals.set(name, addChunk(before, { error, histogram: new Uint32Array(0) }, elements))
    yield slab
  }
}

type Ticket = { readonly name: string; readonly elements: number; readonly isLast: boolean }

type SlabStream = {
  /** The slabs of one weight; weights must be asked for in the order of the stream. */
  readonly slabsOf: (
    name: string,
  ) => AsyncGenerator<EncodedSlab & { readonly elements: number }, void>
  /** Stops the workers that read ahead. */
  readonly end: () => Promise<void>
}

type SlabOrder = {
  readonly model: CoremlModel
  readonly order: readonly string[]
  readonly changes: ReadonlyMap<string, WeightChange>
  readonly limits: SlabLimits | undefined
}

/** All slabs of all weights through one pool run, so that workers never wait between weights. */
function slabStream(
  host: Pick<Host, 'pool'>,
  { model, order, changes, limits }: SlabOrder,
): SlabStream {
  const tickets: Ticket[] = []
  async function* inputs(): AsyncGenerator<EncodeSlabInput> {
    for (const name of order) {
      const change = changes.get(name)
      const stored = model.document.weights.get(name)
      if (change === undefined || stored === undefined) continue
      const { weight } = stored
      for await (const input of slabInputs(host, stored, change, limits)) {
        const { rows, columns } = input.chunk
        const isLast = input.firstRow + rows >= rowsOf(weight.shape)
        tickets.push({ name, elements: rows * columns, isLast })
        yield input
      }
    }
  }
  const encoded = host.pool.map<EncodeSlabInput, EncodedSlab>('encode-slab', inputs())
  const results = encoded[Symbol.asyncIterator]()
  return {
    async *slabsOf(name) {
      for (;;) {
        const { done, value } = await results.next()
        const ticket = tickets.shift()
        if (done === true || ticket?.name !== name) {
          throw new TypeError(`The slabs of "${name}" are asked for out of order`)
        }
        yield { ...value, elements: ticket.elements }
        if (ticket.isLast) return
      }
    },
    async end() {
      await results.return?.()
    },
  }
}
