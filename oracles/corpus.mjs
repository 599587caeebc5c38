// Takes ONNX files of all kinds through every mode: nine weight-only ones, dynamic int8, and static int8
// for each runtime, calibrated on seeded samples. Runs each before and after in ONNX Runtime.
//
//   npm run build && node oracles/corpus.mjs <output folder> [--modes a,b] <file or folder>...
//
// One JSON line a file and mode goes to stdout and to <output folder>/results.jsonl; what stands there
// already is not done again, so that a run that was stopped goes on. Then
// `python oracles/corpus_checker.py <output folder>` asks onnx.checker about what was written.
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { env } from 'onnxruntime-node'
import {
  MixbitError,
  auditOnnxFile,
  mergeConfig,
  planOnnxFile,
  quantizeDynamicFile,
  quantizeOnnxFile,
  quantizeStaticFile,
  readOnnxFile,
} from '@mixbit/core'
import { createNodeHost } from 'mixbit'
import { findSize, runFile, writeFeeds, writeSamples } from './corpus-feeds.mjs'

env.logLevel = 'error'

const WEIGHTS = [
  'fp32',
  'fp16',
  'int8',
  'int8/tensor/asym',
  'int4',
  'int4/asym',
  'int4/channel',
  'int2',
  'int2/asym',
]
const RUNTIMES = ['x86-vnni', 'x86-legacy', 'arm64']
const MODES = [...WEIGHTS, 'dynamic', ...RUNTIMES.map((runtime) => `w8a8-${runtime}`)]

/** Samples that static int8 is calibrated on. */
const SAMPLES = 6

const { values, positionals } = parseArgs({
  options: { modes: { type: 'string' } },
  allowPositionals: true,
})
const [output, ...paths] = positionals
const modes = values.modes?.split(',') ?? MODES
const unknown = modes.find((mode) => !MODES.includes(mode))
if (output === undefined || paths.length === 0 || unknown !== undefined) {
  process.stderr.write(
    'usage: node oracles/corpus.mjs <output folder> [--modes a,b] <file or folder>...\n' +
      `modes: ${MODES.join(', ')}\n`,
  )
  process.exit(2)
}
mkdirSync(join(output, 'files'), { recursive: true })
const results = join(output, 'results.jsonl')
const done = new Set(readDone().map(({ file, mode }) => `${file} ${mode}`))
for (const [name, path] of namedFiles(paths.flatMap(onnxFiles))) await checkFile(name, path)

function readDone() {
  if (!existsSync(results)) return []
  const lines = readFileSync(results, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
}

function onnxFiles(path) {
  if (!statSync(path).isDirectory()) return [resolve(path)]
  return readdirSync(path, { recursive: true })
    .filter((name) => name.endsWith('.onnx'))
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((name) => resolve(path, name))
}

/** A name of its own for each file: that of its folder goes before one that several have. */
function namedFiles(files) {
  const counts = new Map()
  const nameOf = (path) => basename(path, '.onnx')
  for (const path of files) counts.set(nameOf(path), (counts.get(nameOf(path)) ?? 0) + 1)
  return files.map((path) => {
    const isOnly = counts.get(nameOf(path)) === 1
    return [isOnly ? nameOf(path) : `${basename(dirname(path))}-${nameOf(path)}`, path]
  })
}

async function checkFile(name, path) {
  const wanted = modes.filter((mode) => !done.has(`${name} ${mode}`))
  if (wanted.length === 0) return
  const before = await findSize(path)
  if (before.feeds !== undefined) writeFeeds(before.feeds, join(output, 'feeds', name))
  // Worker threads keep models open, so each file has its own.
  const host = createNodeHost()
  try {
    for (const mode of wanted) {
      const line = { file: name, mode, ...(await checkMode(host, { name, path, mode, before })) }
      const text = `${JSON.stringify(line)}\n`
      process.stdout.write(text)
      appendFileSync(results, text)
    }
  } finally {
    await host.dispose()
  }
}

async function checkMode(host, { name, path, mode, before }) {
  const place = { folder: join(output, 'files'), name: `${name}.${mode.replaceAll('/', '-')}` }
  const started = performance.now()
  let model
  try {
    model = await readOnnxFile(host, path)
    const made = await quantized(host, { model, mode, place, before, name })
    if (typeof made === 'string') return { skipped: made }
    const { plan, written } = made
    const { bytes } = model
    const about = { original: path, mode, feeds: resolve(output, 'feeds', name), ...plan }
    writeFileSync(join(place.folder, `${place.name}.json`), JSON.stringify(about))
    const ms = Math.round(performance.now() - started)
    const file = join(place.folder, `${place.name}.onnx`)
    return { planned: plan.bytes, bytes, written, ms, ...facts(plan), ...(await ran(file, before)) }
  } catch (error) {
    if (error instanceof MixbitError) return { error: error.code, message: error.message }
    return { crash: String(error?.stack ?? error) }
  } finally {
    await model?.close()
  }
}

/** The plan and the bytes written; words where a mode cannot be tried. */
async function quantized(host, { model, mode, place, before, name }) {
  if (mode === 'dynamic') {
    const config = mergeConfig({ precision: 'dynamic' }, {})
    const made = await quantizeDynamicFile(host, {
      model,
      config,
      runtime: 'x86-vnni',
      plan: null,
      place,
    })
    return { plan: made.plan, written: made.written.bytes }
  }
  if (!mode.startsWith('w8a8-')) {
    const audit = await auditOnnxFile(host, model)
    const plan = planOnnxFile(model, audit, mergeConfig({ precision: mode }, {}))
    const { bytes } = await quantizeOnnxFile(host, { model, audit, plan, ...place })
    return { plan, written: bytes }
  }
  if (before.feeds === undefined) return `it cannot be fed: ${before.reason}`
  const samples = join(output, 'samples', name)
  const data = await writeSamples(model.path, before.size, SAMPLES, samples)
  const scratch = join(output, 'scratch', `${name}.${mode}`)
  mkdirSync(scratch, { recursive: true })
  try {
    const made = await quantizeStaticFile(host, {
      model,
      config: mergeConfig({ precision: 'w8a8', calibration: { data } }, {}),
      runtime: mode.slice('w8a8-'.length),
      calibrator: 'auto',
      io: 'float',
      scratch,
      plan: null,
      place,
    })
    return { plan: made.plan, written: made.written.bytes }
  } finally {
    rmSync(scratch, { recursive: true })
    rmSync(samples, { recursive: true })
  }
}

function facts(plan) {
  const forms = {}
  for (const { form } of plan.layers) forms[form] = (forms[form] ?? 0) + 1
  const integers = (plan.operators ?? []).filter(({ runs }) => runs === 'integer').length
  const findings = plan.findings.map(({ code }) => code)
  return { forms, integers, operators: (plan.operators ?? []).length, findings }
}

async function ran(file, before) {
  if (before.feeds === undefined) return { runs: null, before: before.reason }
  const after = await runFile(file, before.feeds)
  if (after.failure !== undefined) return { runs: false, failure: after.failure }
  let lowest = Infinity
  for (const [name, tensor] of Object.entries(before.outputs)) {
    lowest = Math.min(lowest, sqnrDb(tensor, after.outputs[name]))
  }
  const named = lowest === Infinity ? 'same' : 'different'
  return { runs: true, sqnrDb: Number.isFinite(lowest) ? Math.round(lowest * 10) / 10 : named }
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
