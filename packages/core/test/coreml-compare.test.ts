import { describe, expect, test } from 'vitest'
import type { Comparison } from '../src/compare/compare.ts'
import { compareCoremlPackages } from '../src/pipeline/compare-packages.ts'
import { floatBytes, PACKAGE, testBuilder, testFiles, testModel } from './helpers/coreml.ts'
import { OUT, layersHost, quantized } from './helpers/coreml-quantized.ts'
import { half } from './helpers/coreml-sound.ts'
import { memoryHost } from './helpers/memory-host.ts'
import type { MemoryHost } from './helpers/memory-host.ts'

type Layer = {
  /** Of the weight. */
  readonly name: string
  /** Of what the operator gives. */
  readonly output: string
  readonly values: readonly number[]
}

/** A package of matmul layers by weights of [2, 2]. */
async function filesOf(layers: readonly Layer[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const { body, blobs, constant, op } = testBuilder()
  let input = 'x'
  for (const { name, output, values } of layers) {
    constant(name, blobs.add(half([2, 2]), floatBytes(values, 'float16')))
    op('matmul', { x: input, y: name }, output, half([1, 2]))
    input = output
  }
  body.outputs.push(input)
  return testFiles(testModel({ main: { body, inputs: { x: half([1, 2]) } } }, 8), blobs)
}

async function bothOf(reference: readonly Layer[], candidate: readonly Layer[]) {
  const other = [...(await filesOf(candidate))].map(
    ([path, bytes]) => [path.replace(PACKAGE, OUT), bytes] as const,
  )
  return memoryHost(new Map([...(await filesOf(reference)), ...other]))
}

function bytesOf({ files }: MemoryHost, path: string): number {
  const own = [...files].filter(([name]) => name.startsWith(`${path}/`))
  return own.reduce((sum, [, { length }]) => sum + length, 0)
}

const compared = (host: MemoryHost): Promise<Comparison> =>
  compareCoremlPackages(host, { reference: PACKAGE, candidate: OUT })

describe('comparing two packages', () => {
  test('measures each weight', async () => {
    const host = await bothOf(
      [
        { name: 'a', output: 'h', values: [1, 2, 3, 4] },
        { name: 'b', output: 'y', values: [1, 0, 0, 1] },
      ],
      [
        { name: 'a', output: 'h', values: [1, 2, 3, 6] },
        { name: 'b', output: 'y', values: [1, 0, 0, 1] },
      ],
    )
    expect(await compared(host)).toMatchObject({
      schema: 'mixbit/comparison@1',
      reference: PACKAGE,
      candidate: OUT,
      data: 'weights',
      samples: 2,
      findings: [],
      bytes: { reference: bytesOf(host, PACKAGE), candidate: bytesOf(host, OUT) },
      outputs: [
        {
          name: 'a',
          layer: 'model.a',
          mse: 1,
          maxAbsError: 2,
          top1Agreement: null,
          values: 4,
          notFinite: 0,
        },
        {
          name: 'b',
          mse: 0,
          maxAbsError: 0,
          sqnrDb: null,
          stored: {
            reference: { precision: 'fp16', form: 'const', bytes: 8 },
            candidate: { precision: 'fp16', form: 'const', bytes: 8 },
          },
        },
      ],
    })
  })

  test('finds a weight that was renamed by who reads it', async () => {
    const host = await bothOf(
      [
        { name: 'a', output: 'h', values: [1, 2, 3, 4] },
        { name: 'b', output: 'y', values: [1, 0, 0, 1] },
      ],
      [
        { name: 'b_quantized', output: 'h', values: [1, 2, 3, 3] },
        { name: 'b', output: 'y', values: [1, 0, 0, 3] },
      ],
    )
    const { outputs, findings } = await compared(host)
    expect(outputs.map(({ name, maxAbsError }) => [name, maxAbsError])).toEqual([
      ['a', 1],
      ['b', 2],
    ])
    expect(findings).toEqual([])
  })

  test('finds a weight whose name got an ending and whose reader another name', async () => {
    const host = await bothOf(
      [
        { name: 'a', output: 'h', values: [1, 2, 3, 4] },
        { name: 'b', output: 'y', values: [1, 0, 0, 1] },
      ],
      [
        { name: 'a', output: 'h', values: [1, 2, 3, 4] },
        { name: 'b_palettized_quantized', output: 'y_moved', values: [1, 0, 0, 2] },
      ],
    )
    const { outputs, findings } = await compared(host)
    expect(outputs.map(({ name, maxAbsError }) => [name, maxAbsError])).toEqual([
      ['a', 0],
      ['b', 1],
    ])
    expect(findings).toEqual([])
  })

  test('tells what only one of the two has', async () => {
    const host = await bothOf(
      [
        { name: 'a', output: 'h', values: [1, 2, 3, 4] },
        { name: 'b', output: 'y', values: [1, 0, 0, 1] },
      ],
      [
        { name: 'a', output: 'h', values: [1, 2, 3, 4] },
        { name: 'c', output: 'z', values: [1, 0, 0, 1] },
      ],
    )
    const { outputs, findings } = await compared(host)
    expect(outputs.map(({ name }) => name)).toEqual(['a'])
    expect(findings).toMatchObject([{ code: 'weights-not-compared' }])
    expect(findings[0]?.message).toMatch(/^2 weights/u)
  })

  test('leaves out infinities that both have, and tells of others', async () => {
    const mask = [0, -Infinity, -Infinity, 0]
    const same = await bothOf(
      [{ name: 'a', output: 'y', values: mask }],
      [{ name: 'a', output: 'y', values: mask }],
    )
    const { outputs, findings } = await compared(same)
    expect(outputs).toMatchObject([{ mse: 0, values: 2, notFinite: 0 }])
    expect(findings).toEqual([])
    const broken = await bothOf(
      [{ name: 'a', output: 'y', values: mask }],
      [{ name: 'a', output: 'y', values: [0, -Infinity, Number.NaN, 0] }],
    )
    expect((await compared(broken)).findings).toMatchObject([
      { code: 'not-finite', subject: 'model.a' },
    ])
  })

  test('refuses packages that share nothing, and weights of another shape', async () => {
    const host = await bothOf(
      [{ name: 'a', output: 'h', values: [1, 2, 3, 4] }],
      [{ name: 'b', output: 'y', values: [1, 2, 3, 4] }],
    )
    await expect(compared(host)).rejects.toMatchObject({ code: 'wrong-shape' })
    const { body, blobs, weight, op } = testBuilder()
    weight('a', [2, 3])
    op('matmul', { x: 'x', y: 'a' }, 'h', half([1, 3]))
    body.outputs.push('h')
    const model = testModel({ main: { body, inputs: { x: half([1, 2]) } } }, 8)
    for (const [path, bytes] of await testFiles(model, blobs)) {
      host.files.set(path.replace(PACKAGE, OUT), bytes)
    }
    await expect(compared(host)).rejects.toMatchObject({
      code: 'wrong-shape',
      facts: { weight: 'a' },
    })
  })

  test('decodes compressed weights: their errors are those that were measured in writing', async () => {
    for (const precision of ['int8', 'int4/8', 'palette4/g8', 'sparse50+palette4']) {
      const host = await layersHost('float16', 9)
      const { written } = await quantized(host, { precision })
      const { outputs } = await compared(host)
      const byName = new Map(outputs.map((output) => [`model.${output.name}`, output]))
      expect(written.layers).not.toHaveLength(0)
      for (const { plan, totals } of written.layers) {
        const { sqnrDb, maxAbsError } = byName.get(plan.layer) ?? {
          sqnrDb: null,
          maxAbsError: null,
        }
        expect(sqnrDb).toBeCloseTo(totals.sqnrDb ?? 0, 9)
        expect(maxAbsError).toBe(totals.maxAbsError)
      }
    }
  })
})
