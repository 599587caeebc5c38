import { expect, test } from 'vitest'

import { float32Weight } from '../../test/helpers/weights.ts'
import { TensorProto_DataType } from '../formats/onnx/generated/onnx_pb.ts'
import { graphBuilder, int } from '../graph/builder.ts'
import { lowerToOnnx } from './lower-onnx.ts'

const weight = { ...float32Weight('stored', [2, 3], [1, 2, 3, 4, 5, 6]), dtype: 'float16' as const }

function small(domain: string): ReturnType<typeof lowerToOnnx> {
  const builder = graphBuilder('small', 21)
  const x = builder.input('x', 'float32', ['batch_size', 2])
  const w = builder.weight('w', { layer: 'model.w', component: 'model', weight })
  const product = builder.call('MatMul', [x, w], { at: 'a' })
  const axes = builder.integers([-1])
  const y = builder.call('Unsqueeze', [product, axes], { at: 'a' })
  const z = builder.call('Gelu', [y], { at: 'a', domain, attributes: { n: int(2 ** 40) } })
  builder.float(0.5)
  builder.output(z, 'z', 'float32', ['batch_size', 3, 1])
  return lowerToOnnx(builder.build())
}

test('weights are float32 initializers without bytes, constants are stored inside', () => {
  const { format, model, weights } = small('')
  expect(format).toBe('onnx')
  expect(weights).toEqual(new Map([['w', weight]]))
  const initializers = model.graph?.initializer ?? []
  expect(
    initializers.map(({ name, dims, dataType, rawData }) => [name, dims, dataType, [...rawData]]),
  ).toEqual([
    ['w', [2n, 3n], TensorProto_DataType.FLOAT, []],
    ['int64[1]:-1', [1n], TensorProto_DataType.INT64, Array(8).fill(255)],
    ['float32:0.5', [], TensorProto_DataType.FLOAT, [0, 0, 0, 63]],
  ])
})

test('inputs and outputs keep sizes and symbols', () => {
  const { model } = small('')
  const shapes = [...(model.graph?.input ?? []), ...(model.graph?.output ?? [])].map((info) => {
    const type = info.type?.value
    const dims = type?.case === 'tensorType' ? type.value.shape?.dim : undefined
    return [info.name, dims?.map(({ value }) => value.value)]
  })
  expect(shapes).toEqual([
    ['x', ['batch_size', 2n]],
    ['z', ['batch_size', 3n, 1n]],
  ])
})

test.for([
  { domain: '', imports: [['', 21n]] },
  {
    domain: 'com.microsoft',
    imports: [
      ['', 21n],
      ['com.microsoft', 1n],
    ],
  },
])('nodes of domain "$domain" import what they need', ({ domain, imports }) => {
  const { model } = small(domain)
  expect(model.opsetImport.map((opset) => [opset.domain, opset.version])).toEqual(imports)
  expect(model.irVersion).toBe(10n)
  expect(model.graph?.node.map(({ opType }) => opType)).toEqual(['MatMul', 'Unsqueeze', 'Gelu'])
  expect(model.graph?.node[2]?.attribute[0]?.i).toBe(2n ** 40n)
})
