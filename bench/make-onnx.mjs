// Writes a large ONNX file with external data, streaming: layers of MatMul (K, N), Gemm (N, K) and a
// token table, with seeded weights that look trained.
//
//   node bench/make-onnx.mjs <folder> [size in GB, default 2.4]
import { mkdirSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const [folder, gigabytes = '2.4'] = process.argv.slice(2)
if (folder === undefined) {
  process.stderr.write('usage: node bench/make-onnx.mjs <folder> [size in GB]\n')
  process.exit(2)
}

const WIDTH = 4096
const LAYER_BYTES = WIDTH * WIDTH * 4
const layers = Math.max(1, Math.round((Number(gigabytes) * 1e9) / LAYER_BYTES) - 1)

mkdirSync(folder, { recursive: true })
const file = await open(join(folder, 'large.onnx_data'), 'w')
const values = noise(2 ** 21)
const names = ['table', ...Array.from({ length: layers }, (_, at) => `layers.${at}.weight`)]
let offset = 0
const initializers = []
for (const name of names) {
  initializers.push(externalTensor(name, offset))
  for (let written = 0; written < LAYER_BYTES; written += values.byteLength) {
    // Another part of the noise first, so that no two layers are alike.
    const turn = (offset / LAYER_BYTES) * 7919 * 4
    const bytes = Buffer.from(values.buffer)
    await file.write(Buffer.concat([bytes.subarray(turn), bytes.subarray(0, turn)]))
  }
  offset += LAYER_BYTES
}
await file.close()

const nodes = [node('Gather', ['table', 'ids'], 'x0')]
for (let at = 0; at < layers; at++) {
  const [x, w, y] = [`x${at}`, `layers.${at}.weight`, at === layers - 1 ? 'y' : `x${at + 1}`]
  nodes.push(at % 2 === 0 ? node('MatMul', [x, w], y) : node('Gemm', [x, w], y, ['transB']))
}
const graph = message([
  ...nodes.map((each) => bytesField(1, each)),
  text(2, 'large'),
  ...initializers.map((each) => bytesField(5, each)),
  bytesField(11, value('ids', 7, [8])),
  bytesField(12, value('y', 1, [8, WIDTH])),
])
const model = message([
  varint(1, 8),
  bytesField(7, graph),
  bytesField(8, message([text(1, ''), varint(2, 17)])),
])
await writeFile(join(folder, 'large.onnx'), model)
process.stdout.write(`${join(folder, 'large.onnx')}: ${layers} layers, ${offset} bytes of data\n`)

/** Sums of uniform noise, near to a normal distribution with deviation 0.02. */
function noise(count) {
  let state = 1
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32 - 0.5
  }
  return Float32Array.from({ length: count }, () => (next() + next() + next() + next()) * 0.035)
}

function externalTensor(name, at) {
  const entry = (key, data) => bytesField(13, message([text(1, key), text(2, String(data))]))
  return message([
    varint(1, WIDTH),
    varint(1, WIDTH),
    varint(2, 1),
    text(8, name),
    entry('location', 'large.onnx_data'),
    entry('offset', at),
    entry('length', LAYER_BYTES),
    varint(14, 1),
  ])
}

function node(op, inputs, output, ones = []) {
  return message([
    ...inputs.map((name) => text(1, name)),
    text(2, output),
    text(3, output),
    text(4, op),
    ...ones.map((name) => bytesField(5, message([text(1, name), varint(3, 1), varint(20, 2)]))),
  ])
}

function value(name, type, dims) {
  const shape = message(dims.map((dim) => bytesField(1, message([varint(1, dim)]))))
  const tensor = message([varint(1, type), bytesField(2, shape)])
  return message([text(1, name), bytesField(2, message([bytesField(1, tensor)]))])
}

function message(fields) {
  return Buffer.concat(fields)
}

function text(number, data) {
  return bytesField(number, Buffer.from(data))
}

function bytesField(number, bytes) {
  return Buffer.concat([varintBytes(number * 8 + 2), varintBytes(bytes.length), bytes])
}

function varint(number, data) {
  return Buffer.concat([varintBytes(number * 8), varintBytes(data)])
}

function varintBytes(data) {
  const bytes = []
  let rest = data
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}
