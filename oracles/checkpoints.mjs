// Copies of fixtures/fastvlm-nano that store the same model in another way:
//   untied  an output head of its own, near the token table but not equal to it
//   bf16    every weight in bfloat16
//   fp32    every weight in float32, with bits that fp16 does not have
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const copies = {
  untied: (tensors) => [...tensors, head(tensors)],
  bf16: (tensors) => tensors.map((tensor) => converted(tensor, 'BF16', toBfloat16)),
  fp32: (tensors) => tensors.map((tensor) => converted(tensor, 'F32', toFineFloats)),
}

/**
 * Writes the copies of the checkpoint `source` into folders of their names under `folder`.
 *
 * @returns checkpoint name to path; `nano` is the source itself
 */
export function makeCheckpoints(source, folder) {
  const paths = { nano: source }
  const tensors = readSafetensors(join(source, 'model.safetensors'))
  for (const [name, change] of Object.entries(copies)) {
    const path = join(folder, name)
    mkdirSync(path, { recursive: true })
    for (const file of readdirSync(source).filter((entry) => entry.endsWith('.json'))) {
      writeFileSync(join(path, file), readFileSync(join(source, file)))
    }
    writeSafetensors(join(path, 'model.safetensors'), change(tensors))
    paths[name] = path
  }
  return paths
}

/** lm_head.weight: the token table with other low bits in every fp16 value. */
function head(tensors) {
  const table = tensors.find(({ name }) => name === 'model.embed_tokens.weight')
  const random = randomBits(7)
  const bits = new Uint16Array(table.bytes.slice().buffer).map((half) => half ^ (random() & 7))
  return { ...table, name: 'lm_head.weight', bytes: new Uint8Array(bits.buffer) }
}

/** Integers, the batch norms' counters, stay as they are. */
function converted(tensor, dtype, convert) {
  if (tensor.dtype !== 'F16') return tensor
  const values = Float32Array.from(new Uint16Array(tensor.bytes.slice().buffer), halfToFloat)
  return { ...tensor, dtype, bytes: new Uint8Array(convert(values).buffer) }
}

/** The upper half of a float32, rounded to nearest, ties to even. */
function toBfloat16(values) {
  const bits = new Uint32Array(values.buffer)
  return Uint16Array.from(bits, (word) => (word + 0x7fff + ((word >>> 16) & 1)) >>> 16)
}

/** Adds up to half a step of fp16 to each value. */
function toFineFloats(values) {
  const random = randomBits(11)
  return values.map((value) => value * (1 + (random() / 2 ** 16 - 0.5) * 2 ** -11))
}

function halfToFloat(half) {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  if (exponent === 31) throw new Error('the fixture holds a value that is not finite')
  if (exponent === 0) return sign * fraction * 2 ** -24
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}

/** 16 random bits a call, of a linear congruential generator. */
function randomBits(seed) {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 16
  }
}

/** https://huggingface.co/docs/safetensors: length of the header, the header as JSON, the data. */
function readSafetensors(path) {
  const file = readFileSync(path)
  const start = 8 + Number(file.readBigUInt64LE(0))
  const entries = Object.entries(JSON.parse(file.toString('utf8', 8, start)))
  return entries
    .filter(([name]) => name !== '__metadata__')
    .map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        return {
          name,
          dtype,
          shape,
          bytes: Uint8Array.from(file.subarray(start + from, start + to)),
        }
      },
    )
}

function writeSafetensors(path, tensors) {
  const header = {}
  let offset = 0
  for (const { name, dtype, shape, bytes } of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] }
    offset += bytes.length
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  writeFileSync(path, Buffer.concat([length, text, ...tensors.map(({ bytes }) => bytes)]))
}
