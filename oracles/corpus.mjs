// Takes ONNX files of all kinds through every weight-only mode, runs them before and after in ONNX
// Runtime and prints one JSON line a file and mode.
//
//   npm run build && node oracles/corpus.mjs <output folder> <file or folder>...
//
// Then `python oracles/corpus_checker.py <output folder>` asks onnx.checker about what was written.
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { InferenceSession, Tensor, env } from 'onnxruntime-node'
import {
  MixbitError,
  auditOnnxFile,
  mergeConfig,
  planOnnxFile,
  quantizeOnnxFile,
  readOnnxFile,
} from '@mixbit/core'
import { createNodeHost } from 'mixbit'

env.logLevel = 'error'

const MODES = ['fp32', 'fp16', 'int8', 'int8/tensor/asym', 'int4', 'int4/asym', 'int4/channel']

/** Sizes that are tried for a dimension that only has a name; batch is always 1. */
const SIZES = [16, 64, 48, 224, 1, 256]

const [output, ...paths] = process.argv.slice(2)
if (output === undefined || paths.length === 0) {
  process.stderr.write('usage: node oracles/corpus.mjs <output folder> <file or folder>...\n')
  process.exit(2)
}
mkdirSync(output, { recursive: true })
const host = createNodeHost()
try {
  for (const path of paths.flatMap(onnxFiles)) await checkFile(path)
} finally {
  await host.dispose()
}

function onnxFiles(path) {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { recursive: true })
    .filter((name) => name.endsWith('.onnx'))
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((name) => join(path, name))
}

async function checkFile(path) {
  const before = await runFile(path, null)
  for (const mode of MODES) {
    const name = `${basename(path, '.onnx')}.${mode.replaceAll('/', '-')}`
    const line = { file: basename(path), mode, ...(await checkMode(path, mode, name, before)) }
    process.stdout.write(`${JSON.stringify(line)}\n`)
  }
}

async function checkMode(path, mode, name, before) {
  const folder = join(output, 'files')
  mkdirSync(folder, { recursive: true })
  const started = performance.now()
  let model
  try {
    model = await readOnnxFile(host, path)
    const audit = await auditOnnxFile(host, model)
    const plan = planOnnxFile(model, audit, mergeConfig({ precision: mode }, {}))
    const { bytes } = await quantizeOnnxFile(host, { model, audit, plan, folder, name })
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({ original: path, ...plan }))
    const ms = Math.round(performance.now() - started)
    const after = await runFile(join(folder, `${name}.onnx`), before.feeds)
    return {
      ...facts(audit, plan),
      bytes: model.bytes,
      written: bytes,
      ms,
      ...compared(before, after),
    }
  } catch (error) {
    if (error instanceof MixbitError) return { error: error.code, message: error.message }
    return { crash: String(error?.stack ?? error) }
  } finally {
    await model?.close()
  }
}

function facts(audit, plan) {
  const reasons = {}
  for (const weight of audit.weights) {
    if (weight.role !== 'other') continue
    const why = weight.whyFloat ?? ''
    reasons[why] = (reasons[why] ?? 0) + weight.elements
  }
  const forms = {}
  for (const { form } of plan.layers) forms[form] = (forms[form] ?? 0) + 1
  return { parameters: audit.parameters, planned: plan.bytes, forms, reasons }
}

function compared(before, after) {
  if (before.failure !== undefined)
    return { runs: after.failure === undefined, before: before.failure }
  if (after.failure !== undefined) return { runs: false, failure: after.failure }
  let lowest = Infinity
  for (const [name, tensor] of Object.entries(before.outputs)) {
    lowest = Math.min(lowest, sqnrDb(tensor, after.outputs[name]))
  }
  return {
    runs: true,
    sqnrDb: Number.isFinite(lowest)
      ? Math.round(lowest * 10) / 10
      : lowest === Infinity
        ? 'same'
        : 'different',
  }
}

/** Infinity when equal; NaN for NaN counts as equal. */
function sqnrDb(a, b) {
  if (b === undefined || a.data.length !== b.data.length) return -Infinity
  let signal = 0
  let noise = 0
  for (let i = 0; i < a.data.length; i++) {
    const [p, q] = [Number(a.data[i]), Number(b.data[i])]
    if (Object.is(p, q) || p === q) {
      if (Number.isFinite(p)) signal += p * p
      continue
    }
    if (!Number.isFinite(p) || !Number.isFinite(q)) return -Infinity
    signal += p * p
    noise += (p - q) ** 2
  }
  if (noise === 0) return Infinity
  return signal === 0 ? -Infinity : 10 * Math.log10(signal / noise)
}

/** Runs a file on seeded inputs; with none given, looks for sizes that it takes. */
async function runFile(path, given) {
  let session
  try {
    session = await InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 4 })
    if (given !== null) return { feeds: given, outputs: await session.run(given) }
    let failure
    for (const size of SIZES) {
      const feeds = feedsOf(session.inputMetadata, size)
      try {
        return { feeds, outputs: await session.run(feeds) }
      } catch (error) {
        failure = String(error.message).slice(0, 300)
      }
    }
    return { feeds: null, failure }
  } catch (error) {
    return { feeds: null, failure: String(error.message).slice(0, 300) }
  } finally {
    await session?.release()
  }
}

function feedsOf(metadata, size) {
  return Object.fromEntries(
    metadata.map(({ name, type, shape }, at) => {
      const dims = (shape ?? []).map((dim) => {
        if (typeof dim === 'number' && dim >= 0) return dim
        return /batch|^n$|^b$/iu.test(String(dim)) ? 1 : size
      })
      return [name, tensorOf(name, type, dims, at + 1)]
    }),
  )
}

function tensorOf(name, type, dims, seed) {
  const count = dims.reduce((product, dim) => product * dim, 1)
  let state = seed * 7919
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const normal = () => Math.sqrt(-2 * Math.log(next() + 1e-9)) * Math.cos(2 * Math.PI * next())
  if (type === 'float32')
    return new Tensor(type, Float32Array.from({ length: count }, normal), dims)
  if (type === 'float64')
    return new Tensor(type, Float64Array.from({ length: count }, normal), dims)
  if (type === 'float16') {
    return new Tensor(
      type,
      Uint16Array.from({ length: count }, () => halfBits(normal())),
      dims,
    )
  }
  if (type === 'bool')
    return new Tensor(
      type,
      Uint8Array.from({ length: count }, () => 1),
      dims,
    )
  const pick = () => (name === 'sr' ? 16000 : /mask/iu.test(name) ? 1 : Math.floor(next() * 90))
  if (type === 'int64')
    return new Tensor(
      type,
      BigInt64Array.from({ length: count }, () => BigInt(pick())),
      dims,
    )
  if (type === 'int32') return new Tensor(type, Int32Array.from({ length: count }, pick), dims)
  if (type === 'uint8') return new Tensor(type, Uint8Array.from({ length: count }, pick), dims)
  throw new Error(`inputs of ${type} are not made`)
}

/** Rounds towards zero: any fp16 value will do. */
function halfBits(value) {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]
  const exponent = ((bits >>> 23) & 255) - 112
  if (exponent <= 0) return 0
  return ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 1023)
}
