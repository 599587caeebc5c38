import { create } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import type { CoremlWeight } from '../src/formats/coreml/document.ts'
import { BlockSchema } from '../src/formats/coreml/generated/coreml_pb.ts'
import { literalValue, output, sizesValue, stringValue } from '../src/formats/coreml/make-values.ts'
import { readCoremlPackage } from '../src/formats/coreml/read-package.ts'
import {
  INT,
  intsValue,
  maskValue,
  PACKAGE,
  testBuilder,
  testHost,
  TRUE,
} from './helpers/coreml.ts'
import type { TestBuilder } from './helpers/coreml.ts'
import type { StaticTensor } from '../src/formats/coreml/value-types.ts'

const half = (...shape: readonly number[]): StaticTensor => ({ dtype: 'float16', shape })

async function weightsOf(build: (built: TestBuilder) => void): Promise<readonly CoremlWeight[]> {
  const built = testBuilder()
  build(built)
  const host = await testHost({ main: { body: built.body } }, built.blobs)
  const { document } = await readCoremlPackage(host, PACKAGE)
  return [...document.weights.values()]
}

/** Role, output axis and input axis of the only weight. */
async function roleOf(build: (built: TestBuilder) => void): Promise<string> {
  const [weight, second] = await weightsOf(build)
  expect(second).toBeUndefined()
  const { role, outputAxis, inputAxis } = weight ?? { role: 'none', outputAxis: -1, inputAxis: -1 }
  return `${role} ${outputAxis} ${inputAxis}`
}

test.for<readonly [string, string, (built: TestBuilder) => void]>([
  [
    'conv 0 1',
    'a convolution has outputs first',
    (built) => {
      built.weight('w', [16, 8, 3, 3])
      built.op('conv', { x: 'x', weight: 'w' }, 'y')
    },
  ],
  [
    'depthwise-conv 0 1',
    'with a group a channel it is depthwise',
    (built) => {
      built.weight('w', [16, 1, 3, 3])
      built.constant('groups', INT(16))
      built.op('conv', { x: 'x', weight: 'w', groups: 'groups' }, 'y')
    },
  ],
  [
    'conv 1 0',
    'a transposed convolution has inputs first',
    (built) => {
      built.weight('w', [8, 16, 3, 3])
      built.op('conv_transpose', { x: 'x', weight: 'w', groups: INT(1) }, 'y')
    },
  ],
  [
    'depthwise-conv 0 1',
    'but a depthwise one has a channel a slice of its first axis',
    (built) => {
      built.weight('w', [16, 1, 3, 3])
      built.op('conv_transpose', { x: 'x', weight: 'w', groups: INT(16) }, 'y')
    },
  ],
  [
    'linear 0 1',
    'a linear layer has outputs first',
    (built) => {
      built.weight('w', [16, 8])
      built.op('linear', { x: 'x', weight: 'w' }, 'y')
    },
  ],
  [
    'linear 1 0',
    'a right factor has inputs first',
    (built) => {
      built.weight('w', [16, 8])
      built.op('matmul', { x: 'x', y: 'w' }, 'y')
    },
  ],
  [
    'linear 0 1',
    'unless it is transposed',
    (built) => {
      built.weight('w', [16, 8])
      built.constant('yes', TRUE)
      built.op('matmul', { x: 'x', y: 'w', transpose_y: 'yes' }, 'y')
    },
  ],
  [
    'matrix 2 1',
    'a stack of right factors is a matrix',
    (built) => {
      built.weight('w', [4, 16, 8])
      built.op('matmul', { x: 'x', y: 'w' }, 'y')
    },
  ],
  [
    'matrix 0 1',
    'a left factor has outputs first',
    (built) => {
      built.weight('w', [16, 8])
      built.op('matmul', { x: 'w', y: 'x' }, 'y')
    },
  ],
  [
    'matrix 1 0',
    'unless it is transposed',
    (built) => {
      built.weight('w', [16, 8])
      built.op('matmul', { x: 'w', y: 'x', transpose_x: TRUE }, 'y')
    },
  ],
  [
    'embedding 0 1',
    'a table that rows are taken from is an embedding',
    (built) => {
      built.weight('w', [100, 16])
      built.op('gather', { x: 'w', indices: 'x', axis: INT(0) }, 'y')
    },
  ],
  [
    'other 1 0',
    'a table of columns is not',
    (built) => {
      built.weight('w', [100, 16])
      built.op('gather', { x: 'w', indices: 'x', axis: INT(-1) }, 'y')
    },
  ],
  [
    'matrix 0 1',
    'recurrent weights have gates first',
    (built) => {
      built.weight('w', [64, 16])
      built.op('lstm', { x: 'x', weight_hh_back: 'w' }, 'y')
    },
  ],
  [
    'other 0 1',
    'what is added can be compressed as well',
    (built) => {
      built.weight('w', [16, 8])
      built.op('add', { x: 'x', y: 'w' }, 'y')
    },
  ],
  [
    'tied-embedding 0 1',
    'a table that is looked up and multiplied is tied',
    (built) => {
      built.weight('w', [100, 16])
      built.op('gather', { x: 'w', indices: 'x', axis: INT(0) }, 'e')
      built.op('linear', { x: 'e', weight: 'w' }, 'y')
    },
  ],
  [
    'matrix 0 1',
    'operators that do not agree about axes share a matrix',
    (built) => {
      built.weight('w', [16, 16])
      built.op('linear', { x: 'x', weight: 'w' }, 'h')
      built.op('matmul', { x: 'h', y: 'w' }, 'y')
    },
  ],
  [
    'linear 0 1',
    'a cast hands a weight on',
    (built) => {
      built.weight('w', [16, 8], { dtype: 'float32' })
      built.op('cast', { x: 'w', dtype: stringValue('fp16') }, 'half')
      built.op('linear', { x: 'x', weight: 'half' }, 'y')
    },
  ],
  [
    'matrix 0 1',
    'a transposed right factor has outputs first',
    (built) => {
      built.weight('w', [16, 8])
      built.constant('order', sizesValue([1, 0]))
      built.op('transpose', { x: 'w', perm: 'order' }, 't', half(8, 16))
      built.op('matmul', { x: 'x', y: 't' }, 'y')
    },
  ],
  [
    'matrix 1 2',
    'so has each of a stack of them',
    (built) => {
      built.weight('w', [4, 16, 8])
      built.constant('order', intsValue([0, -1, 1]))
      built.op('transpose', { x: 'w', perm: 'order' }, 't', half(4, 8, 16))
      built.op('matmul', { x: 'x', y: 't' }, 'y')
    },
  ],
  [
    'matrix 2 1',
    'one right factor of a stack keeps its axes',
    (built) => {
      built.weight('w', [4, 48, 32])
      built.constant('index', maskValue([true, false, false]))
      built.op('slice_by_index', { x: 'w', squeeze_mask: 'index' }, 's', half(48, 32))
      built.op('matmul', { x: 'x', y: 's' }, 'y')
    },
  ],
  [
    'matrix 2 0',
    'also where the stack is not the first axis',
    (built) => {
      built.weight('w', [48, 4, 32])
      const mask = maskValue([false, true, false])
      built.op('slice_by_index', { x: 'w', squeeze_mask: mask }, 's', half(48, 32))
      built.op('matmul', { x: 'x', y: 's' }, 'y')
    },
  ],
  [
    'matrix 2 1',
    'a new axis changes no outputs of length 1',
    (built) => {
      built.weight('w', [8, 48, 1])
      built.op('expand_dims', { x: 'w', axes: intsValue([0]) }, 'e', half(1, 8, 48, 1))
      built.op('matmul', { x: 'x', y: 'e' }, 'y')
    },
  ],
  [
    'matrix 3 2',
    'squeezing changes no inputs of length 1',
    (built) => {
      built.weight('w', [1, 8, 1, 32])
      built.op('squeeze', { x: 'w', axes: intsValue([0]) }, 's', half(8, 1, 32))
      built.op('matmul', { x: 'x', y: 's' }, 'y')
    },
  ],
  [
    'matrix 2 1',
    'a reshape with a new axis changes no inputs of length 1',
    (built) => {
      built.weight('w', [8, 1, 32])
      built.op('reshape', { x: 'w' }, 'r', half(1, 8, 1, 32))
      built.op('matmul', { x: 'x', y: 'r' }, 'y')
    },
  ],
  [
    'matrix 2 1',
    'axes of length 1 that come and go change no others',
    (built) => {
      built.weight('w', [1, 16, 8])
      built.op('squeeze', { x: 'w', axes: INT(0) }, 's', half(16, 8))
      built.op('expand_dims', { x: 's', axes: INT(0) }, 'e', half(16, 1, 8))
      built.op('reshape', { x: 'e' }, 'r', half(16, 8))
      built.op('matmul', { x: 'x', y: 'r' }, 'y')
    },
  ],
  [
    'matrix 0 1',
    'a reshape that mixes axes leaves outputs first',
    (built) => {
      built.weight('w', [16, 8])
      built.op('reshape', { x: 'w' }, 'r', half(8, 16))
      built.op('matmul', { x: 'x', y: 'r' }, 'y')
    },
  ],
  [
    'matrix 1 0',
    'a slice keeps the axes, and so do parts',
    (built) => {
      built.weight('w', [16, 8])
      built.op('slice_by_index', { x: 'w' }, 's', half(16, 4))
      built.op('split', { x: 's' }, 'p', half(16, 2))
      built.op('matmul', { x: 'x', y: 'p' }, 'y')
    },
  ],
  [
    'depthwise-conv 0 1',
    'a depthwise filter with another axis stays one',
    (built) => {
      built.weight('w', [16, 3, 3])
      built.op('expand_dims', { x: 'w', axes: INT(1) }, 'e', half(16, 1, 3, 3))
      built.op('conv', { x: 'x', weight: 'e', groups: INT(16) }, 'y')
    },
  ],
  [
    'other 0 1',
    'what is moved and then added is not multiplied by',
    (built) => {
      built.weight('w', [16, 8])
      built.op('transpose', { x: 'w', perm: sizesValue([1, 0]) }, 't', half(8, 16))
      built.op('add', { x: 'x', y: 't' }, 'y')
    },
  ],
  [
    'other 0 1',
    'nor is what nobody knows the shape of',
    (built) => {
      built.weight('w', [16, 8])
      built.op('reshape', { x: 'w' }, 'r')
      for (const result of built.body.operations.at(-1)?.outputs ?? []) result.type = undefined
      built.op('matmul', { x: 'x', y: 'r' }, 'y')
    },
  ],
  [
    'matrix 3 1',
    'the second operand of an einsum gives the axis that only it has',
    (built) => {
      built.weight('w', [2, 16, 2, 8])
      built.constant('equation', stringValue('nchw,nwhu->nchu'))
      built.op('einsum', { values: ['x', 'w'], equation: 'equation' }, 'y')
    },
  ],
  [
    'matrix 0 2',
    'and so does the first',
    (built) => {
      built.weight('w', [16, 2, 8])
      built.op('einsum', { values: ['w', 'x'], equation: stringValue('chw,whu->chu') }, 'y')
    },
  ],
  [
    'matrix 0 1',
    'an einsum without an equation multiplies all the same',
    (built) => {
      built.weight('w', [16, 2, 8])
      built.op('einsum', { values: ['x', 'w'] }, 'y')
    },
  ],
])('%s: %s', async ([expected, , build]) => {
  expect(await roleOf(build)).toBe(expected)
})

test('a weight that is moved often is followed once, not time and again', async () => {
  const [weight] = await weightsOf((built) => {
    built.weight('w', [4, 4])
    let last = 'w'
    for (let step = 0; step < 7; step++) {
      const others = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`p${at}`, last]))
      built.op('reshape', { x: last, ...others }, `r${step}`, half(4, 4))
      last = `r${step}`
    }
    built.op('matmul', { x: 'x', y: last }, 'y')
  })
  expect(weight?.role).toBe('matrix')
})

test.for<readonly [string, (built: TestBuilder) => void]>([
  [
    'a vector stays float',
    (built) => {
      built.weight('w', [1, 16, 1, 1])
      built.op('mul', { x: 'x', y: 'w' }, 'y')
    },
  ],
  [
    'it is an output of its block',
    (built) => {
      built.weight('w', [16, 8])
      built.op('add', { x: 'x', y: 'w' }, 'y')
      built.body.outputs.push('w')
    },
  ],
  ['no operation reads it', (built) => built.weight('w', [16, 8])],
])('%s', async ([expected, build]) => {
  const [weight] = await weightsOf(build)
  expect(weight?.whyFloat).toBe(expected)
})

test('values that stand in the program itself have no place in a weight file', async () => {
  const built = testBuilder()
  built.weight('w', [4, 4])
  const held = built.body.operations[0]?.attributes.find(({ key }) => key === 'val')?.value
  if (held === undefined) throw new TypeError('there is a value')
  held.value = literalValue(
    { dtype: 'float16', shape: [4, 4] },
    new Uint8Array(32).fill(0x3c),
  ).value
  built.op('linear', { x: 'x', weight: 'w' }, 'y')
  const host = await testHost({ main: { body: built.body } }, built.blobs)
  const { document } = await readCoremlPackage(host, PACKAGE)
  const weight = document.weights.get('w')
  expect(weight?.whyFloat).toMatch(/^its values stand in the program itself/u)
  // 0x3c3c in half precision, by hand.
  expect((await weight?.weight.readRows(0, 1))?.[0]).toBe(1 + 0x3c / 1024)
})

test('weights of inner blocks are found, and readers in them', async () => {
  const weights = await weightsOf((built) => {
    built.weight('outer', [4, 4])
    const inner = testBuilder(built.blobs)
    inner.weight('own', [4, 4])
    inner.op('linear', { x: 'x', weight: 'own' }, 'a')
    inner.op('matmul', { x: 'a', y: 'outer' }, 'b')
    built.op('cond', { pred: TRUE }, 'y')
    const { operations } = inner.body
    built.body.operations.at(-1)?.blocks.push(create(BlockSchema, { operations, outputs: ['b'] }))
  })
  expect(weights.map(({ name, role, uses }) => [name, role, uses[0]?.output])).toEqual([
    ['outer', 'linear', 'b'],
    ['own', 'linear', 'a'],
  ])
})

test('operations that read a value many times do not hand it on, time and again', async () => {
  const [weight] = await weightsOf((built) => {
    built.weight('w', [4, 4])
    let last = 'w'
    for (const name of ['a', 'b', 'c', 'd']) {
      built.op('identity', { x: Array.from({ length: 1000 }, () => last) }, name)
      last = name
    }
    built.op('linear', { x: 'x', weight: last }, 'y')
  })
  expect(weight?.uses.length).toBe(1000)
})

test('two constants of one blob are one weight', async () => {
  const [weight, other] = await weightsOf((built) => {
    built.weight('first', [8, 8])
    const value = built.body.operations[0]?.attributes.find(({ key }) => key === 'val')?.value
    if (value === undefined) throw new TypeError('there is a value')
    built.constant('second', value)
    built.op('linear', { x: 'x', weight: 'first' }, 'h')
    built.op('linear', { x: 'h', weight: 'second' }, 'y')
  })
  expect(other).toBeUndefined()
  expect(weight?.uses.map(({ output: name }) => name)).toEqual(['h', 'y'])
})

test('integers are no weights, and neither are numbers without axes', async () => {
  const weights = await weightsOf((built) => {
    built.constant('ids', built.blobs.add({ dtype: 'uint8', shape: [4, 4] }, new Uint8Array(16)))
    built.constant('scale', built.blobs.add({ dtype: 'float16', shape: [] }, new Uint8Array(2)))
    built.op('add', { x: 'x', y: 'scale' }, 'y', { dtype: 'float16', shape: [1, 4] })
    built.body.operations[1]?.outputs.splice(0, 1, output('scale', { dtype: 'float16', shape: [] }))
  })
  expect(weights).toEqual([])
})

test('of operators that do not agree about axes, the first that multiplies decides', async () => {
  const [weight] = await weightsOf((built) => {
    built.weight('w', [16, 16])
    built.op('gather', { x: 'w', indices: 'x', axis: INT(1) }, 'e')
    built.op('matmul', { x: 'e', y: 'w' }, 'h')
    built.op('linear', { x: 'h', weight: 'w' }, 'y')
  })
  expect(weight?.disagreement).toBe(
    'matmul ("h") decides that output channels lie along axis 1; for linear ("y") they lie along axis 0',
  )
})

test('operators that agree about axes are not told apart', async () => {
  const [weight] = await weightsOf((built) => {
    built.weight('w', [16, 16])
    built.op('linear', { x: 'x', weight: 'w' }, 'h')
    built.op('add', { x: 'h', y: 'w' }, 'i')
    built.op('linear', { x: 'i', weight: 'w' }, 'y')
  })
  expect(weight?.disagreement).toBeNull()
})

test('an operation of two results gives no weight: nothing could take its place', async () => {
  const weights = await weightsOf((built) => {
    built.weight('w', [4, 4])
    built.body.operations[0]?.outputs.push(output('more', { dtype: 'float16', shape: [4, 4] }))
    built.op('linear', { x: 'x', weight: 'w' }, 'y')
    built.op('linear', { x: 'y', weight: 'more' }, 'z')
  })
  expect(weights).toEqual([])
})
