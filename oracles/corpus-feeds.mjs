// Seeded inputs for any ONNX file: shapes from the model, with sizes that are tried where a dimension only
// has a name, and values that operators take (ids below 90, masks of ones).
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'

/** Sizes that are tried for a dimension that only has a name; batch is always 1. */
const SIZES = [16, 64, 48, 224, 1, 256, 4096, 16_000]

/** Values of all inputs together: a large size is for sound, not for pictures. */
const MOST_VALUES = 2_000_000

/** Small numbers for anything that counts or looks up. */
const LARGEST_ID = 90

/**
 * The size of named dimensions with which a file runs, and its outputs there.
 *
 * @returns `{size, outputs}`, or `{reason}` where no size works
 */
export async function findSize(path) {
  let session
  try {
    session = await openFile(path)
    const other = session.inputMetadata.find((input) => !isMade(input))
    if (other !== undefined) return { reason: `input "${other.name}" is ${kindOf(other)}` }
    return await trySizes(session)
  } catch (error) {
    return { reason: firstLine(error) }
  } finally {
    await session?.release()
  }
}

/** The first size whose outputs say something; else the first that runs. */
async function trySizes(session) {
  let reason = 'it has no inputs'
  let silent
  for (const size of SIZES) {
    const feeds = feedsOf(session.inputMetadata, size, 0)
    if (feeds === null) continue
    try {
      const found = { size, feeds, outputs: await session.run(feeds) }
      if (Object.values(found.outputs).every(isTelling)) return found
      silent ??= found
    } catch (error) {
      reason = firstLine(error)
    }
  }
  return silent ?? { reason: `no size that was tried runs: ${reason}` }
}

/** Whether a float output has finite values, and not the same one everywhere. */
function isTelling({ data, type }) {
  if (!type.startsWith('float')) return true
  const seen = new Set(data.slice(0, 10_000).map(Number))
  return [...seen].every(Number.isFinite) && seen.size > (data.length === 1 && !seen.has(0) ? 0 : 1)
}

/** Runs a file on feeds: `{outputs}` or `{failure}`. */
export async function runFile(path, feeds) {
  let session
  try {
    session = await openFile(path)
    return { outputs: await session.run(feeds) }
  } catch (error) {
    return { failure: firstLine(error) }
  } finally {
    await session?.release()
  }
}

/**
 * Writes seeded samples of every input as a data set of kind `tensors`, with another seed than the
 * feeds of `findSize`; returns the path of its descriptor.
 */
export async function writeSamples(path, size, count, folder) {
  mkdirSync(folder, { recursive: true })
  const session = await openFile(path)
  const { inputMetadata } = session
  await session.release()
  const samples = Array.from({ length: count }, (_, at) => feedsOf(inputMetadata, size, at + 1))
  const inputs = {}
  for (const [at, { name }] of inputMetadata.entries()) {
    const file = `input-${at}.npy`
    const tensors = samples.map((feeds) => feeds[name])
    writeFileSync(join(folder, file), npy(tensors[0], [count, ...tensors[0].dims], tensors))
    inputs[name] = file
  }
  const descriptor = join(folder, 'samples.json')
  writeFileSync(descriptor, JSON.stringify({ kind: 'tensors', inputs }))
  return descriptor
}

/** Writes feeds for programs in other languages: one .npy file an input, and their names. */
export function writeFeeds(feeds, folder) {
  mkdirSync(folder, { recursive: true })
  const names = Object.entries(feeds).map(([name, tensor], at) => {
    writeFileSync(join(folder, `feed-${at}.npy`), npy(tensor, tensor.dims, [tensor]))
    return [name, `feed-${at}.npy`]
  })
  writeFileSync(join(folder, 'feeds.json'), JSON.stringify(Object.fromEntries(names)))
}

function openFile(path) {
  return InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 4 })
}

function firstLine(error) {
  return String(error?.message ?? error)
    .split('\n')[0]
    .slice(0, 300)
}

function isMade({ isTensor, type }) {
  return isTensor && Object.hasOwn(MAKERS, type)
}

function kindOf({ isTensor, type }) {
  return isTensor ? `of type ${type}` : 'no tensor'
}

/** Null where the inputs would be too large. */
function feedsOf(metadata, size, seed) {
  let total = 0
  const entries = metadata.map(({ name, type, shape }, at) => {
    const dims = shape.map((dim, axis) => {
      if (typeof dim === 'number' && dim >= 0) return dim
      const isBatch = /batch/iu.test(dim) || (axis === 0 && /^[nb]$/iu.test(dim))
      return isBatch ? 1 : size
    })
    const count = dims.reduce((product, one) => product * one, 1)
    total += count
    if (total > MOST_VALUES) return [name, null]
    const random = seeded((at + 1) * 7919 + seed * 104_729)
    const data = MAKERS[type](count, { name, size, random })
    return [name, new Tensor(type, data, dims)]
  })
  return total > MOST_VALUES ? null : Object.fromEntries(entries)
}

/** A linear congruential generator (Numerical Recipes) of values in [0, 1). */
function seeded(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

function normal(random) {
  return Math.sqrt(-2 * Math.log(random() + 1e-9)) * Math.cos(2 * Math.PI * random())
}

/** A number that a model of speech or text takes at an input of this name. */
function whole({ name, size, random }) {
  if (name === 'sr') return 16_000
  if (/len/iu.test(name)) return size
  if (/mask/iu.test(name)) return 1
  return Math.floor(random() * LARGEST_ID)
}

/** In Hz, of inputs that models of sound have. */
const FREQUENCIES = { fmin: 50, fmax: 1500 }

const MAKERS = {
  float32: (length, { name, random }) =>
    Float32Array.from({ length }, () => FREQUENCIES[name] ?? normal(random)),
  float64: (length, { random }) => Float64Array.from({ length }, () => normal(random)),
  float16: (length, { random }) => Uint16Array.from({ length }, () => halfBits(normal(random))),
  bool: (length) => new Uint8Array(length).fill(1),
  int64: (length, facts) => BigInt64Array.from({ length }, () => BigInt(whole(facts))),
  int32: (length, facts) => Int32Array.from({ length }, () => whole(facts)),
  uint8: (length, facts) => Uint8Array.from({ length }, () => whole(facts)),
}

/** Rounds towards zero: any fp16 value will do. */
function halfBits(value) {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]
  const exponent = ((bits >>> 23) & 255) - 112
  if (exponent <= 0) return 0
  return ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 1023)
}

/** numpy's names of little-endian types. */
const NPY_TYPES = {
  float32: '<f4',
  float64: '<f8',
  float16: '<f2',
  bool: '|b1',
  int64: '<i8',
  int32: '<i4',
  uint8: '|u1',
}

/** A .npy file of version 1.0 with the values of some tensors after each other. */
function npy({ type }, shape, tensors) {
  const sizes = shape.map((size) => `${size},`).join(' ')
  const text = `{'descr': '${NPY_TYPES[type]}', 'fortran_order': False, 'shape': (${sizes}), }`
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10
  const header = Buffer.alloc(10 + length, ' ')
  header.write('\x93NUMPY\x01\x00', 0, 'latin1')
  header.writeUInt16LE(length, 8)
  header.write(text, 10, 'latin1')
  header[header.length - 1] = 10
  const values = tensors.map(({ data }) =>
    Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  )
  return Buffer.concat([header, ...values])
}
