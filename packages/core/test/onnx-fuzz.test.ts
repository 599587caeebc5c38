import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

import { MixbitError } from '../src/base/error.ts'
import type { ModelProto } from '../src/formats/onnx/generated/onnx_pb.ts'
import { ModelProtoSchema } from '../src/formats/onnx/generated/onnx_pb.ts'
import { brokenBytes, brokenModel } from './helpers/break-model.ts'
import {
  constantNode,
  fileModel,
  fileNodes,
  floatTensor,
  graphAttribute,
  innerGraph,
  quantizeModelFile,
} from './helpers/onnx-file.ts'
import { memoryHost } from './helpers/memory-host.ts'

/** A little of everything that can be quantized, in 20 kB. */
function mixedModel(): ModelProto {
  const [choose] = fileNodes([['If', 'c', 'y']])
  if (choose === undefined) throw new TypeError('there is one node')
  const inner = [floatTensor('v', [32, 16])]
  graphAttribute(choose, 'then_branch', innerGraph([['MatMul', 'k v', 'p']], inner, ['p']))
  graphAttribute(choose, 'else_branch', innerGraph([['MatMul', 'k u', 'q']], [], ['q']))
  return fileModel({
    nodes: [
      constantNode(floatTensor('e', [16, 32])),
      ...fileNodes([
        ['Conv', 'x a', 'f'],
        ['ConvTranspose', 'f b', 'g'],
        ['Flatten', 'g', 'h'],
        ['Gemm', 'h d bias', 'i'],
        ['MatMul', 'i e', 'j'],
        ['Identity', 'w', 'w2'],
        ['MatMul', 'j w2', 'l'],
        ['Gather', 'w ids', 'm'],
        ['Add', 'l m', 'k'],
      ]),
      choose,
    ],
    weights: [
      floatTensor('a', [8, 4, 3, 3]),
      floatTensor('b', [8, 4, 2, 2]),
      floatTensor('d', [100, 16]),
      floatTensor('bias', [16]),
      floatTensor('w', [32, 32]),
      floatTensor('u', [32, 16]),
    ],
    inputs: { x: [1, 4, 6, 6], ids: [1], c: [] },
    types: { ids: 7, c: 9 },
  })
}

/** The code that quantizing ends with; a defect is thrown on. */
async function endOf(bytes: Uint8Array, precision: string): Promise<string> {
  try {
    const host = memoryHost(new Map([['./model.onnx', bytes]]))
    await quantizeModelFile(fileModel({}), precision, host)
    return 'done'
  } catch (error) {
    if (error instanceof MixbitError) return error.code
    throw error
  }
}

const PRECISIONS = ['int8', 'int4', 'int4/asym', 'fp16'] as const

async function endsOf(
  model: ModelProto,
  seeds: number,
  first = 0,
): Promise<ReadonlyMap<string, number>> {
  const ends = new Map<string, number>()
  for (let seed = first; seed < first + seeds; seed++) {
    const precision = PRECISIONS[seed % 4] ?? 'int8'
    const bytes =
      seed % 5 === 0
        ? brokenBytes(model, seed)
        : toBinary(ModelProtoSchema, brokenModel(model, seed))
    const end = await endOf(bytes, precision).catch((error: unknown) => {
      throw new Error(`seed ${seed} as ${precision}`, { cause: error })
    })
    ends.set(end, (ends.get(end) ?? 0) + 1)
  }
  return ends
}

test('the model that is broken is sound at first', async () => {
  const bytes = toBinary(ModelProtoSchema, mixedModel())
  for (const precision of PRECISIONS) expect(await endOf(bytes, precision)).toBe('done')
})

test('a broken model is quantized or refused with a code', async () => {
  const ends = await endsOf(mixedModel(), 400)
  // Changes are small: most models can still be read, and many cannot.
  expect(ends.get('done')).toBeGreaterThan(100)
  expect(ends.get('malformed')).toBeGreaterThan(10)
})

const zoo = join(import.meta.dirname, '../../../../shared/zoo/onnx')

describe('real files', () => {
  test.skipIf(!existsSync(zoo)).for(['mnist.onnx', 'basic_pitch.onnx'])('%s', async (name) => {
    const model = fromBinary(ModelProtoSchema, readFileSync(join(zoo, name)))
    const ends = await endsOf(model, 40)
    expect([...ends.values()].reduce((a, b) => a + b, 0)).toBe(40)
  })
})
