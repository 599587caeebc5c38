// Decodes the weights of a written model folder with Mixbit's own reader and kernels:
//   node oracles/dump-decoded.mjs <folder> <file.safetensors>
// One float32 tensor a session and layer, named `<session>/<layer>`, in the layer's shape.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { memorySource } from '../packages/core/dist/base/bytes.js'
import { formFor } from '../packages/core/dist/formats/onnx/forms.js'
import { initializer, readOnnx } from '../packages/core/dist/formats/onnx/read-onnx.js'
import { scalarKernels as kernels } from '../packages/core/dist/kernels/scalar.js'

const [folder = '', output = ''] = process.argv.slice(2)
const json = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'))
// A Buffer's slice() is a view; a plain Uint8Array's is a copy.
const open = (path) => Promise.resolve(memorySource(path, new Uint8Array(readFileSync(path))))

/** The graphs name the token table after its session. */
const storedName = (layer) => (layer === 'text_encoder.weight' ? 'embed_tokens.weight' : layer)

const decoded = []
const { layers } = json('plan.json')
for (const [session, path] of Object.entries(json('mixbit.json').sessions)) {
  const file = join(folder, path)
  const document = await readOnnx(await open(file), {
    openExternal: (name) => open(join(dirname(file), name)),
  })
  for (const layer of layers) {
    const values = await decodeLayer(document, layer)
    if (values !== undefined) decoded.push({ name: `${session}/${layer.layer}`, layer, values })
  }
}
for (const { layer } of layers) {
  if (!decoded.some((entry) => entry.layer.layer === layer)) {
    throw new Error(`no session of ${folder} holds ${layer}`)
  }
}
writeSafetensors(output, decoded)

/** The float32 values of a layer; `undefined` when this session does not hold it. */
async function decodeLayer(document, layer) {
  const form = formFor(layer)
  const name = storedName(layer.layer)
  const codes = initializer(document, form.kind === 'float' ? name : `${name}_quantized`)
  if (codes === undefined) return undefined
  if (form.kind === 'float') return codes.readRows(0, codes.shape[0] ?? 1)
  const stored = (part) => storedBytes(document, `${name}_${part}`)
  const count = layer.shape.reduce((product, size) => product * size, 1)
  const scale = halvesOrFloats(await stored('scale'), form.scheme.scaleDtype)
  const zeroPoint =
    form.zeroPoint === null
      ? undefined
      : zeroPoints(await stored('zero_point'), scale.length, layer.shape[0] ?? 1, form.packing)
  const values = new Float32Array(count)
  kernels.decodeBlocks(
    values,
    unpack(await stored('quantized'), count, form.packing),
    scale,
    zeroPoint,
    { blockLength: form.blockLength, dtype: form.decodeDtype },
  )
  return values
}

async function storedBytes(document, name) {
  const tensor = initializer(document, name)
  if (tensor === undefined) throw new Error(`no initializer ${name}`)
  return tensor.readStoredRows(0, tensor.shape[0] ?? 1)
}

function halvesOrFloats(bytes, dtype) {
  const { buffer } = bytes.slice()
  if (dtype === 'float32') return new Float32Array(buffer)
  const values = new Float32Array(bytes.length / 2)
  kernels.halfToFloat(values, new Uint16Array(buffer))
  return values
}

/** Signed codes, one a value. */
function unpack(bytes, count, packing) {
  if (packing === 'int8') return new Int8Array(bytes.slice().buffer)
  if (packing === 'uint8') return Int8Array.from(bytes, (code) => code - 128)
  const codes = new Int8Array(count)
  if (packing.endsWith('4')) {
    kernels.unpackNibbles(codes, bytes, packing === 'int4' ? 0 : 8)
    return codes
  }
  const values = new Uint8Array(count)
  kernels.unpackBits(values, bytes, 2)
  // Two's complement of two bits, or the unsigned code less 2.
  return Int8Array.from(values, (value) => (packing === 'int2' ? (value << 30) >> 30 : value - 2))
}

/** The block kernels start every row of zero points on a byte of its own. */
function zeroPoints(bytes, count, rows, packing) {
  if (packing !== 'uint4' && packing !== 'uint2') return unpack(bytes, count, packing)
  const rowBytes = bytes.length / rows
  const perRow = count / rows
  const all = new Int8Array(count)
  for (let row = 0; row < rows; row++) {
    const own = bytes.subarray(row * rowBytes, (row + 1) * rowBytes)
    all.set(unpack(own, perRow, packing), row * perRow)
  }
  return all
}

/** https://huggingface.co/docs/safetensors: length of the header, the header as JSON, the data. */
function writeSafetensors(path, tensors) {
  let offset = 0
  const header = {}
  for (const { name, layer, values } of tensors) {
    const end = offset + values.byteLength
    header[name] = { dtype: 'F32', shape: layer.shape, data_offsets: [offset, end] }
    offset = end
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  const length = new DataView(new ArrayBuffer(8))
  length.setBigUint64(0, BigInt(text.length), true)
  const file = openSync(path, 'w')
  writeSync(file, new Uint8Array(length.buffer))
  writeSync(file, text)
  for (const { values } of tensors) {
    const bytes = new Uint8Array(values.buffer)
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
  }
  closeSync(file)
}
