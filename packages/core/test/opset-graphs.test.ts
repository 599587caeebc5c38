import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { Tensor } from 'onnxruntime-node'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { MixbitError } from '../src/base/error.ts'
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  FunctionProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
} from '../src/formats/onnx/generated/onnx_pb.ts'
import { onnxNode, type NodeFacts } from '../src/formats/onnx/nodes.ts'
import { int64List, scalar } from '../src/formats/onnx/opset/constants.ts'
import { OPERATOR_HISTORY } from '../src/formats/onnx/opset/operator-history.ts'
import { raiseOpset } from '../src/formats/onnx/opset/raise-opset.ts'
import { ruleFor } from '../src/formats/onnx/opset/rules.ts'
import { buildModel, difference, raised, random, run, value } from './helpers/opset.ts'

const { BOOL, FLOAT, FLOAT16, INT64 } = TensorProto_DataType

const node = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: NodeFacts['attributes'] = {},
): NodeProto => onnxNode({ op, name: `${op}-${outputs[0]}`, inputs, outputs, attributes })

const axes = (...value: readonly number[]): NodeFacts['attributes'] => ({
  axes: { kind: 'ints', value },
})

function withGraphs(base: NodeProto, graphs: Readonly<Record<string, GraphProto>>): NodeProto {
  for (const [name, g] of Object.entries(graphs)) {
    base.attribute.push(
      create(AttributeProtoSchema, { name, g, type: AttributeProto_AttributeType.GRAPH }),
    )
  }
  return base
}

const graph = (init: Omit<MessageInitShape<typeof GraphProtoSchema>, '$typeName'>): GraphProto =>
  create(GraphProtoSchema, { name: 'inner', ...init })

/** Runs a model before and after and gives the largest difference of `y`. */
async function change(
  before: ModelProto,
  target: number,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<number> {
  const expected = await run(before, inputs)
  const results = await run(raised(before, target), inputs)
  return difference(results.get('y'), expected.get('y'))
}

function reasons(model: ModelProto, target: number): readonly string[] {
  const result = raiseOpset(model, target)
  return 'blockedBy' in result ? result.blockedBy.map(({ op, reason }) => `${op}: ${reason}`) : []
}

describe('graphs inside nodes', () => {
  test('the branches of an If are raised, and read constants of the graph around them', async () => {
    const inputs = { x: random([2, 3, 4]), c: new Tensor('bool', [true], []) }
    const branch = (op: string): GraphProto =>
      graph({
        node: [node(op, ['x'], [`${op}_out`], { axis: { kind: 'int', value: 1 } })],
        output: [value(`${op}_out`, FLOAT)],
      })
    const before = buildModel({
      opset: 11,
      inputs,
      nodes: [
        withGraphs(node('If', ['c'], ['y']), {
          then_branch: branch('Softmax'),
          else_branch: branch('LogSoftmax'),
        }),
      ],
    })
    expect(await change(before, 21, inputs)).toBe(0)
    expect(await change(before, 21, { ...inputs, c: new Tensor('bool', [false], []) })).toBe(0)
  })

  test('the body of a Loop gets its constants inside', async () => {
    const inputs = { x: random([3, 1, 2]) }
    const body = graph({
      node: [
        node('Squeeze', ['state'], ['flat'], axes(1)),
        node('Unsqueeze', ['flat'], ['next'], axes(1)),
        node('Identity', ['go'], ['again']),
      ],
      input: [value('i', INT64, []), value('go', BOOL, []), value('state', FLOAT)],
      output: [value('again', BOOL, []), value('next', FLOAT)],
    })
    const before = buildModel({
      opset: 11,
      inputs,
      constants: { trips: { elementType: INT64, dims: [], values: [3] } },
      nodes: [withGraphs(node('Loop', ['trips', '', 'x'], ['y']), { body })],
    })
    expect(await change(before, 21, inputs)).toBe(0)
    const loop = raised(before, 21).graph?.node[0]
    expect(loop?.attribute[0]?.g?.initializer.map(({ name }) => name)).toEqual([
      'Squeeze-flat_axes',
      'Unsqueeze-next_axes',
    ])
  })

  const sumBody = (): GraphProto =>
    graph({
      node: [node('Add', ['sum', 'item'], ['total']), node('Identity', ['total'], ['step'])],
      input: [value('sum', FLOAT, [2]), value('item', FLOAT, [2])],
      output: [value('total', FLOAT, [2]), value('step', FLOAT, [2])],
    })
  const scan = (lengths: string, attributes: NodeFacts['attributes'] = {}): NodeProto =>
    withGraphs(
      node('Scan', [lengths, 's', 'x'], ['z', 'y'], {
        num_scan_inputs: { kind: 'int', value: 1 },
        ...attributes,
      }),
      { body: sumBody() },
    )
  const batch = { s: random([4, 2], 7), x: random([4, 3, 2]) }

  test.for([
    { name: 'forwards', attributes: {} },
    { name: 'backwards', attributes: { directions: { kind: 'ints', value: [1] } } as const },
  ])('a Scan over a batch runs one Scan an item, $name', async ({ attributes }) => {
    const outputs = { z: FLOAT, y: FLOAT }
    const model = { opset: 8, inputs: batch, outputs, nodes: [scan('', attributes)] }
    expect(await change(buildModel(model), 9, batch)).toBe(0)
    expect(await change(buildModel(model), 21, batch)).toBe(0)
  })

  test('a Scan whose sequences have lengths is not raised', () => {
    const model = buildModel({ opset: 8, inputs: batch, nodes: [scan('lengths')] })
    expect(reasons(model, 9)).toEqual([
      'Scan: its sequences have lengths of their own (operator set 9)',
    ])
  })
})

describe('functions', () => {
  const reduceInFunction = (attribute: AttributeProto): ModelProto => {
    const model = buildModel({
      opset: 17,
      inputs: { x: random([2, 3, 4]) },
      nodes: [onnxNode({ op: 'Mean', domain: 'local', name: 'm', inputs: ['x'], outputs: ['y'] })],
    })
    model.graph?.node[0]?.attribute.push(
      create(AttributeProtoSchema, {
        name: 'over',
        ints: [1n],
        type: AttributeProto_AttributeType.INTS,
      }),
    )
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'local', version: 1n }))
    model.functions = [
      create(FunctionProtoSchema, {
        name: 'Mean',
        domain: 'local',
        input: ['a'],
        output: ['b'],
        attribute: ['over'],
        opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: 17n })],
        node: [
          create(NodeProtoSchema, {
            opType: 'ReduceMean',
            input: ['a'],
            output: ['b'],
            attribute: [attribute],
          }),
        ],
      }),
    ]
    return model
  }

  test.for([
    { name: 'its own', attribute: { ints: [0n, 2n] } },
    { name: 'that of the function', attribute: { refAttrName: 'over' } },
  ])('axes of a node become an input: $name', async ({ attribute }) => {
    const before = reduceInFunction(
      create(AttributeProtoSchema, {
        name: 'axes',
        type: AttributeProto_AttributeType.INTS,
        ...attribute,
      }),
    )
    expect(await change(before, 21, { x: random([2, 3, 4]) })).toBe(0)
    const body = raised(before, 21).functions[0]
    expect(body?.opsetImport.map(({ version }) => version)).toEqual([21n])
    expect(body?.node.map(({ opType }) => opType)).toEqual(['Constant', 'ReduceMean'])
  })

  test('a function of ai.onnx that the model brings is not blocked', () => {
    const model = buildModel({
      opset: 17,
      inputs: { x: random([2]) },
      nodes: [node('Swish', ['x'], ['y'])],
    })
    expect(reasons(model, 21)).toHaveLength(1)
    model.functions = [create(FunctionProtoSchema, { name: 'Swish', output: ['y'] })]
    expect(reasons(model, 21)).toEqual([])
  })
})

describe('what is kept', () => {
  test('new names do not meet old ones', async () => {
    const inputs = { x: random([1, 3]) }
    const before = buildModel({
      opset: 11,
      inputs,
      constants: { 'Squeeze-y_axes': scalar(FLOAT, 2), 'Squeeze-y_axes_1': scalar(FLOAT, 3) },
      nodes: [
        node('Mul', ['x', 'Squeeze-y_axes'], ['a']),
        node('Mul', ['a', 'Squeeze-y_axes_1'], ['b']),
        node('Squeeze', ['b'], ['y'], axes(0)),
      ],
    })
    expect(await change(before, 13, inputs)).toBe(0)
  })

  test('the model that comes in stays as it is', () => {
    const before = buildModel({
      opset: 8,
      inputs: { x: random([1, 3]) },
      nodes: [node('Upsample', ['x'], ['y'], { scales: { kind: 'floats', value: [1, 2] } })],
    })
    const bytes = toBinary(ModelProtoSchema, before)
    raised(before, 21)
    expect(toBinary(ModelProtoSchema, before)).toEqual(bytes)
  })

  test('other operator sets, unknown fields and documentation come along', () => {
    const unknown = [{ no: 999, wireType: 2, data: Uint8Array.of(2, 63, 33) }]
    const squeeze = node('Squeeze', ['x'], ['y'], axes(0))
    squeeze.docString = 'said'
    squeeze.$unknown = unknown
    const before = buildModel({ opset: 11, inputs: { x: random([1, 3]) }, nodes: [squeeze] })
    before.$unknown = unknown
    before.opsetImport.push(
      create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n }),
    )
    const after = raised(before, 13)
    expect(after.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([
      ['', 13n],
      ['com.microsoft', 1n],
    ])
    expect(after.$unknown).toEqual(unknown)
    expect(after.graph?.node[0]).toMatchObject({ docString: 'said', $unknown: unknown })
  })

  test('a model that is there already comes back itself', () => {
    const model = buildModel({
      opset: 21,
      inputs: { x: random([3]) },
      nodes: [node('Relu', ['x'], ['y'])],
    })
    expect(raiseOpset(model, 17)).toEqual({ model, changes: [] })
  })

  test('changes are told, the operator set last', () => {
    const model = buildModel({
      opset: 12,
      inputs: { x: random([1, 3]) },
      nodes: [node('Relu', ['x'], ['r']), node('Squeeze', ['r'], ['y'], axes(0))],
    })
    expect(raiseOpset(model, 13)).toMatchObject({
      changes: [
        'Squeeze "Squeeze-y" becomes Squeeze of set 13',
        'operator set 12 of ai.onnx becomes 13',
      ],
    })
  })
})

describe('constants that are inputs', () => {
  const upsample = (ir: bigint): ModelProto => {
    const model = buildModel({
      opset: 9,
      ir,
      inputs: { x: random([1, 1, 2, 2]) },
      constants: { scales: { elementType: FLOAT, dims: [4], values: [1, 1, 2, 0.5] } },
      nodes: [node('Upsample', ['x', 'scales'], ['y'])],
    })
    model.graph?.input.push(value('scales', FLOAT, [4]))
    model.graph?.node.splice(0, 1, node('Mul', ['x', 'x'], ['y']))
    return model
  }

  test('they stop being inputs when the IR version lets callers override them', () => {
    const after = raised(upsample(3n), 21)
    expect(after.irVersion).toBe(10n)
    expect(after.graph?.input.map(({ name }) => name)).toEqual(['x'])
  })

  test('they stay inputs, that a caller may set, where they were so', () => {
    expect(raised(upsample(4n), 21).graph?.input.map(({ name }) => name)).toEqual(['x', 'scales'])
  })

  test('the scales of a Resize that a caller may set are not taken as known', async () => {
    const inputs = { x: random([1, 1, 4, 4]), scales: new Tensor('float32', [1, 1, 2, 0.5], [4]) }
    const before = buildModel({
      opset: 10,
      inputs,
      constants: { scales: { elementType: FLOAT, dims: [4], values: [1, 1, 2, 2] } },
      nodes: [node('Resize', ['x', 'scales'], ['y'])],
    })
    expect(await change(before, 21, inputs)).toBe(0)
  })

  test('constants may be nodes', async () => {
    const inputs = { x: random([1, 1, 4, 4]) }
    const constant = create(NodeProtoSchema, {
      opType: 'Constant',
      output: ['scales'],
      attribute: [
        {
          name: 'value',
          type: AttributeProto_AttributeType.TENSOR,
          t: create(TensorProtoSchema, { dims: [4n], dataType: FLOAT, floatData: [1, 1, 2, 2] }),
        },
      ],
    })
    const before = buildModel({
      opset: 10,
      inputs,
      nodes: [constant, node('Resize', ['x', 'scales'], ['y'])],
    })
    expect(await change(before, 21, inputs)).toBe(0)
    expect(raised(before, 21).graph?.node).toHaveLength(2)
  })
})

test('bounds of half precision are halves, though no type is declared but the input', () => {
  const model = buildModel({
    opset: 10,
    inputs: { x: random([2]) },
    nodes: [
      node('Cast', ['x'], ['h'], { to: { kind: 'int', value: FLOAT16 } }),
      node('Relu', ['h'], ['r']),
      node('Clip', ['r'], ['y'], {
        min: { kind: 'float', value: -3.4028234663852886e38 },
        max: { kind: 'float', value: 0.5 },
      }),
    ],
    outputs: { y: FLOAT16 },
  })
  const graphAfter = raised(model, 11).graph
  expect(graphAfter?.node[2]?.input).toEqual(['r', '', 'Clip-y_max'])
  // 0.5 is 2^-1: sign 0, exponent 14 of bias 15, no fraction.
  expect(graphAfter?.initializer).toMatchObject([
    { name: 'Clip-y_max', dataType: FLOAT16, dims: [], rawData: Uint8Array.of(0x00, 0x38) },
  ])
})

describe('what is blocked', () => {
  const single = (opset: number, blockedNode: NodeProto): ModelProto =>
    buildModel({ opset, inputs: { x: random([2, 3]) }, nodes: [blockedNode], shapes: 'unknown' })

  test.for([
    {
      name: 'an operator that ai.onnx does not have',
      model: single(11, node('Swish', ['x'], ['y'])),
      reason: 'Swish: ai.onnx has no such operator in set 11',
    },
    {
      name: 'a name that every object has',
      model: single(11, node('constructor', ['x'], ['y'])),
      reason: 'constructor: ai.onnx has no such operator in set 11',
    },
    {
      name: 'an operator that is younger than the model',
      model: single(11, node('HardSwish', ['x'], ['y'])),
      reason: 'HardSwish: ai.onnx has no such operator in set 11',
    },
    {
      name: 'training outputs',
      model: buildModel({
        opset: 9,
        inputs: { x: random([2, 3]) },
        nodes: [node('BatchNormalization', ['x', 's', 'b', 'm', 'v'], ['y', 'n'])],
        outputs: { y: FLOAT, n: FLOAT },
      }),
      reason: 'BatchNormalization: its training outputs are read (operator set 14)',
    },
    {
      name: 'bounds of a type that is not known',
      model: single(10, node('Clip', ['unknown'], ['z'], { min: { kind: 'float', value: 0 } })),
      reason: 'Clip: the element type of "unknown" is not known or not a float (operator set 11)',
    },
    {
      name: 'an operator that the runtime lost',
      model: single(11, node('RandomNormal', [], ['y'], { shape: { kind: 'ints', value: [2] } })),
      target: 22,
      reason: 'RandomNormal: ONNX Runtime does not run it as of operator set 22',
    },
  ])('$name', ({ model, reason, target }) => {
    expect(reasons(model, target ?? 21)).toEqual([reason])
  })

  test('an operator of the runtime without a domain is not blocked', () => {
    const model = single(13, node('SimplifiedLayerNormalization', ['x', 's'], ['y']))
    expect(reasons(model, 21)).toEqual([])
  })

  test('an operator set that nobody knows is refused', () => {
    const model = single(11, node('Relu', ['x'], ['y']))
    expect(() => raiseOpset(model, 99)).toThrow(MixbitError)
  })
})

describe('operators before set 7, by what the old text says', () => {
  test.for([
    { name: 'from a dimension on', axis: 1, dims: [3], shape: [3, 1] },
    { name: 'from the first dimension on', axis: 0, dims: [2, 3], shape: [2, 3, 1] },
    { name: 'at the end', axis: 2, dims: [4], shape: undefined },
  ])('a second operand is stretched $name', async ({ axis, dims, shape }) => {
    const inputs = { x: random([2, 3, 4]), z: random(dims, 5) }
    const before = buildModel({
      opset: 6,
      inputs,
      nodes: [
        node('Add', ['x', 'z'], ['y'], {
          axis: { kind: 'int', value: axis },
          broadcast: { kind: 'int', value: 1 },
        }),
      ],
    })
    const y = (await run(raised(before, 21), inputs)).get('y')
    const modern = buildModel({
      opset: 21,
      inputs,
      constants: { shape: int64List(shape ?? dims) },
      nodes: [node('Reshape', ['z', 'shape'], ['w']), node('Add', ['x', 'w'], ['y'])],
    })
    expect(difference(y, (await run(modern, inputs)).get('y'))).toBe(0)
  })

  test('a Dropout that may train is blocked', () => {
    const inputs = { x: random([2, 3]) }
    const model = buildModel({ opset: 6, inputs, nodes: [node('Dropout', ['x'], ['y'])] })
    expect(reasons(model, 7)).toEqual([
      'Dropout: it may train: is_test is not set (operator set 7)',
    ])
  })
})

describe('the table of operators', () => {
  test('every change has a rule, but for these', () => {
    const missing = Object.entries(OPERATOR_HISTORY).flatMap(([op, { changed }]) =>
      changed.filter((version) => ruleFor(op, version) === undefined).map((v) => `${op} ${v}`),
    )
    expect(missing).toEqual([
      'Attention 24',
      'Attention 25',
      'GRU 3',
      'GlobalLpPool 2',
      'LpPool 2',
      'Selu 6',
      'Split 2',
      'Tile 6',
      'Upsample 7',
    ])
  })

  test('the sets of an operator are in order and each is said once', () => {
    for (const { first, compatible, changed } of Object.values(OPERATOR_HISTORY)) {
      const sets = [...compatible, ...changed].toSorted((a, b) => a - b)
      expect(new Set([first, ...sets]).size).toBe(sets.length + 1)
      expect(first).toBeLessThan(sets[0] ?? Infinity)
    }
  })
})

/** Names of attributes that rules read. */
const NAMES =
  'axis axes broadcast directions is_test k max min mode num_groups num_scan_inputs paddings pads ' +
  'scales shape spatial split starts to'

const integer = fc
  .oneof(fc.integer({ min: -3, max: 5 }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))
  .map(BigInt)
const attribute = fc.record({
  name: fc.constantFrom(...NAMES.split(' ')),
  i: integer,
  f: fc.float(),
  s: fc.uint8Array({ maxLength: 4 }),
  ints: fc.array(integer, { maxLength: 4 }),
  floats: fc.array(fc.float(), { maxLength: 4 }),
  refAttrName: fc.constantFrom('', '', '', 'of-function'),
})
const absurdNode = fc.record({
  opType: fc.constantFrom(...Object.keys(OPERATOR_HISTORY)),
  input: fc.array(fc.constantFrom('', 'x', 'w'), { maxLength: 5 }),
  output: fc.array(fc.constantFrom('', 'y', 'z'), { maxLength: 3 }),
  attribute: fc.array(attribute, { maxLength: 4 }),
})

test('absurd nodes are raised to something that can be written, or blocked', () => {
  const raiseOne = (init: MessageInitShape<typeof NodeProtoSchema>, opset: number): void => {
    const nodes = [create(NodeProtoSchema, init)]
    const constants = { w: { elementType: FLOAT, dims: [2], values: [0.5, 2] } } as const
    const model = buildModel({ opset, inputs: { x: random([2, 3]) }, nodes, constants })
    const result = raiseOpset(model, 25)
    if ('model' in result) toBinary(ModelProtoSchema, result.model)
    else expect(result.blockedBy).toHaveLength(1)
  }
  fc.assert(
    fc.property(absurdNode, fc.integer({ min: -2, max: 12 }), (init, opset) => {
      raiseOne(init, Math.max(opset, OPERATOR_HISTORY[init.opType]?.first ?? 1))
    }),
    { numRuns: 3000 },
  )
})
