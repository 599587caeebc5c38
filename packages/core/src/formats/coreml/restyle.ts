import { copiedBytes } from './copied-bytes.ts'
import type { CoremlDocument } from './document.ts'
import type { CoremlForm, CoremlPartName } from './form-types.ts'
import type { Operation } from './generated/coreml_pb.ts'
import { keptPart, paletteParts, part } from './parts.ts'
import type { PartChunk } from './part-chunks.ts'
import type { ProgramWalk } from './program.ts'
import { arraysOf } from './stored-facts.ts'
import type { StoredArray } from './stored-array.ts'
import type { StoredForm } from './stored-form.ts'
import { INPUTS_SPEC } from '../../targets/coreml-versions.ts'
import { elementsOf } from '../../tensor/weight.ts'
import type { WeightSites } from './document.ts'

/** Operations that iOS 18 has under the same name with other parameters. */
const RESTYLED: ReadonlySet<string> = new Set([
  'constexpr_cast',
  'constexpr_lut_to_dense',
  'constexpr_sparse_to_dense',
])

/** A weight that keeps its bytes and gets the operations of iOS 18. */
export type Restyled = {
  readonly form: CoremlForm
  readonly parts: () => AsyncIterable<PartChunk>
}

/** Whether an operation is written as iOS 16 has it and iOS 18 does not. */
export function isOldStyle({ type, attributes }: Operation): boolean {
  return RESTYLED.has(type) && attributes.some(({ key }) => key !== 'name')
}

/** An operation of iOS 16 that cannot be written as one of iOS 18; `undefined` when all can. */
export function unmovable(
  { operations }: ProgramWalk,
  sites: ReadonlyMap<string, WeightSites>,
): Operation | undefined {
  const movable = new Set<number>()
  for (const site of sites.values()) {
    if (restyledSite(site) !== undefined) for (const at of site.operations) movable.add(at)
  }
  return operations.find(({ operation }, at) => isOldStyle(operation) && !movable.has(at))
    ?.operation
}

/** Weights that must change their operations when a package is raised to iOS 18; none below. */
export function restyledWeights(
  document: CoremlDocument,
  spec: number,
): ReadonlyMap<string, Restyled> {
  const restyled = new Map<string, Restyled>()
  if (spec < INPUTS_SPEC) return restyled
  for (const [name, site] of document.sites) {
    const found = site.isOldStyle ? restyledSite(site) : undefined
    if (found !== undefined) restyled.set(name, found)
  }
  return restyled
}

/** A weight without a place in a weight file has none for its new blobs either. */
function restyledSite({ chain, form }: WeightSites): Restyled | undefined {
  const isInFile = arraysOf(chain).some(({ place }) => place !== null)
  return isInFile ? restyledForm(form) : undefined
}

function restyledForm(stored: StoredForm): Restyled | undefined {
  const { shape } = stored
  const base = { style: 'inputs', spec: INPUTS_SPEC, shape } as const
  switch (stored.kind) {
    case 'float':
      return {
        form: {
          ...base,
          kind: 'float',
          ops: ['constexpr_cast'],
          dtype: 'float32',
          stored: stored.dtype,
          parts: [part('data', stored.dtype, shape)],
        },
        parts: () => copyParts([['data', stored.values]]),
      }
    case 'palette': {
      const { bits, block, vector, table, dtype } = stored
      if (table.kind !== 'float') return undefined
      const facts = { shape, block, bits, vector, table: 'float', dtype } as const
      const { parts } = paletteParts(facts, 'inputs')
      return {
        form: { ...base, ...facts, kind: 'palette', ops: ['constexpr_lut_to_dense'], parts },
        parts: () =>
          copyParts([
            ['indices', stored.indices],
            ['table', table.values],
          ]),
      }
    }
    case 'sparse':
      return restyledSparse(stored)
    case 'affine':
    case 'other':
      return undefined
  }
}

function restyledSparse(stored: Extract<StoredForm, { kind: 'sparse' }>): Restyled | undefined {
  const { values, shape, dtype, mask } = stored
  if (values.kind !== 'float') return undefined
  const base = { style: 'inputs', spec: INPUTS_SPEC, shape, dtype } as const
  const data = part('data', dtype, shape)
  return {
    form: {
      ...base,
      kind: 'sparse',
      ops: ['constexpr_sparse_to_dense'],
      values: {
        ...base,
        kind: 'float',
        stored: dtype,
        ops: ['const'],
        style: 'plain',
        parts: [data],
      },
      parts: [part('mask', 'uint1', shape), keptPart('data', dtype, elementsOf(shape))],
    },
    parts: () =>
      copyParts([
        ['mask', mask],
        ['data', values.values],
      ]),
  }
}

async function* copyParts(
  arrays: readonly (readonly [CoremlPartName, StoredArray])[],
): AsyncGenerator<PartChunk> {
  for (const [name, array] of arrays) {
    for await (const bytes of copiedBytes(array.bytes, array.read)) yield { part: name, bytes }
  }
}
