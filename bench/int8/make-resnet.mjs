// Makes a ResNet-18 with made-up weights: 1.8 G multiply-accumulates on 224 x 224, 46.8 MB.
import { create, toBinary } from '@bufbuild/protobuf'
import { writeFileSync } from 'node:fs'
import { ModelProtoSchema } from '../../packages/core/dist/formats/onnx/generated/onnx_pb.js'
import { onnxNode } from '../../packages/core/dist/formats/onnx/nodes.js'

/** Normal numbers, the same for the same seed (a linear congruential generator, Box and Muller). */
export function seededNormal(seed) {
  let state = (Math.imul(seed, 2_654_435_761) + 12_345) >>> 0
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state + 0.5) / 2 ** 32
  }
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
}

/** A tensor as a .npy file of float32, shape (samples, ...). */
export function writeNpy(path, shape, values) {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10
  const header = Buffer.alloc(10 + length, ' ')
  header.write('\x93NUMPY\x01\x00', 0, 'latin1')
  header.writeUInt16LE(length, 8)
  header.write(text, 10, 'latin1')
  header[header.length - 1] = 10
  writeFileSync(path, Buffer.concat([header, Buffer.from(values.buffer)]))
}

/** Pictures with structure: smooth waves of many lengths, and a little noise. */
export function writePictures(path, count, size, seed) {
  const normal = seededNormal(seed)
  const values = new Float32Array(count * 3 * size * size)
  let at = 0
  for (let plane = 0; plane < count * 3; plane++) {
    const waves = Array.from({ length: 6 }, (_, k) => [
      normal() / (k + 1),
      (normal() * (k + 1) * 8) / size,
      (normal() * (k + 1) * 8) / size,
      normal() * 3,
    ])
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        let value = 0.05 * normal()
        for (const [height, fx, fy, phase] of waves)
          value += height * Math.sin(fx * x + fy * y + phase)
        values[at++] = value
      }
    }
  }
  writeNpy(path, [count, 3, size, size], values)
}

/** A graph under construction: nodes, weights, and multiply-accumulates by node name. */
function graphMaker(normal) {
  const node = []
  const initializer = []
  const macs = {}
  const tensor = (name, dims, value) => {
    const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, value)
    const rawData = new Uint8Array(data.buffer)
    initializer.push({ name, dims: dims.map(BigInt), dataType: 1, rawData })
    return name
  }
  const add = (op, name, inputs, attributes = {}) => {
    node.push(onnxNode({ op, name, inputs, outputs: [`${name}_out`], attributes }))
    return `${name}_out`
  }
  /** Conv and BatchNormalization, as they are exported for training. */
  const conv = (name, input, { from, to, kernel, stride, edge }) => {
    const fan = from * kernel * kernel
    const he = () => normal() * Math.sqrt(2 / fan)
    const weight = tensor(`${name}.weight`, [to, from, kernel, kernel], he)
    const out = add('Conv', name, [input, weight], window(kernel, stride))
    const spread = () => Math.exp(0.3 * normal())
    const shift = () => 0.1 * normal()
    const norm = [
      tensor(`${name}.gamma`, [to], spread),
      tensor(`${name}.beta`, [to], shift),
      tensor(`${name}.mean`, [to], shift),
      tensor(`${name}.variance`, [to], spread),
    ]
    macs[name] = fan * to * (edge / stride) ** 2
    return add('BatchNormalization', `${name}_norm`, [out, ...norm])
  }
  return { node, initializer, macs, tensor, add, conv }
}

/** Attributes of a square window that keeps the size but for its stride. */
function window(kernel, stride) {
  const pad = Math.floor(kernel / 2)
  return {
    kernel_shape: ints([kernel, kernel]),
    strides: ints([stride, stride]),
    pads: ints([pad, pad, pad, pad]),
  }
}

function ints(value) {
  return { kind: 'ints', value }
}

/**
 * Writes the model.
 *
 * @returns multiply-accumulates of each Conv and Gemm, by node name
 */
export function writeResnet(path, size = 224) {
  const normal = seededNormal(7)
  const graph = graphMaker(normal)
  const stem = graph.conv('stem', 'input', { from: 3, to: 64, kernel: 7, stride: 2, edge: size })
  const value = graph.add('MaxPool', 'pool', [graph.add('Relu', 'stem_relu', [stem])], window(3, 2))
  addHead(graph, normal, addStages(graph, value, size / 4))
  writeModel(path, graph, size)
  return graph.macs
}

function addStages({ add, conv }, input, size) {
  let [value, edge, from] = [input, size, 64]
  for (const [stage, to] of [64, 128, 256, 512].entries()) {
    for (const block of [0, 1]) {
      const name = `stage${stage}.block${block}`
      const stride = stage > 0 && block === 0 ? 2 : 1
      const first = conv(`${name}.conv1`, value, { from, to, kernel: 3, stride, edge })
      const relu = add('Relu', `${name}.relu1`, [first])
      const inner = { from: to, to, kernel: 3, stride: 1, edge: edge / stride }
      const second = conv(`${name}.conv2`, relu, inner)
      const isSame = from === to
      const skip = isSame
        ? value
        : conv(`${name}.skip`, value, { from, to, kernel: 1, stride, edge })
      value = add('Relu', `${name}.relu2`, [add('Add', `${name}.add`, [second, skip])])
      edge /= stride
      from = to
    }
  }
  return value
}

function addHead({ node, macs, tensor, add }, normal, value) {
  const flat = add('Flatten', 'flatten', [add('GlobalAveragePool', 'average', [value])])
  const weight = tensor('head.weight', [1000, 512], () => normal() * Math.sqrt(1 / 512))
  const bias = tensor('head.bias', [1000], () => 0.1 * normal())
  const attributes = { transB: { kind: 'int', value: 1 } }
  const inputs = [flat, weight, bias]
  node.push(onnxNode({ op: 'Gemm', name: 'head', inputs, outputs: ['logits'], attributes }))
  macs.head = 512_000
}

function writeModel(path, { node, initializer }, size) {
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 13n }],
    graph: {
      name: 'resnet18',
      node,
      initializer,
      input: [valueInfo('input', [1, 3, size, size])],
      output: [valueInfo('logits', [1, 1000])],
    },
  })
  writeFileSync(path, toBinary(ModelProtoSchema, model))
}

function valueInfo(name, dims) {
  const dim = dims.map((size) => ({ value: { case: 'dimValue', value: BigInt(size) } }))
  return { name, type: { value: { case: 'tensorType', value: { elemType: 1, shape: { dim } } } } }
}
