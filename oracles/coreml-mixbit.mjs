// Runs Mixbit for the oracles of Core ML packages: one process for many packages, because Node starts slowly and
// a package that is written in many forms is read and looked through once.
//   node oracles/coreml-mixbit.mjs
// Reads a request a line and answers each with a line of JSON, in order:
//   {"run": [argument...]}
//       a command line of Mixbit: {status, stdout, stderr}
//   {"write": package, "settings": {...} | null, "output": package, "values": file}
//       writes the package with these settings, decompressed where they are null, and decodes the weights of what
//       it wrote with Mixbit's own reader: {plan, entries}. The file gets dense float32 values one after the other;
//       an entry {function, output, input, dtype, shape, offset} for each operator input that reads a weight
//   {"rewrite": package, "spec": version | null, "output": package, "values": file}
//       writes it as it is, or only raised to a version: {entries}
// What fails is answered with {error}.
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'

import { writeCoremlPackage } from '../packages/core/dist/formats/coreml/write-package.js'
import {
  auditCoremlPackage,
  decompressCoremlPackage,
  mergeConfig,
  planCoremlPackage,
  quantizeCoremlPackage,
  readCoremlPackage,
} from '../packages/core/dist/index.js'
import { commands } from '../packages/mixbit/dist/cli/commands.js'
import { runCli } from '../packages/mixbit/dist/cli/run-cli.js'
import { createNodeHost } from '../packages/mixbit/dist/host/host.js'

const host = createNodeHost({ workers: 0 })
const sources = new Map()
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await answerTo(JSON.parse(line)).catch((error) => ({ error: error.stack }))
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
for (const { model } of sources.values()) await model.close()
await host.dispose()

async function answerTo({ run, write, rewrite, settings, spec, output, values }) {
  if (run !== undefined) return runCommand(run)
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output)
  const plan =
    write === undefined
      ? await writeAgain(rewrite, spec, output)
      : await writePackage(write, settings, output)
  return { plan, entries: await decode(output, values) }
}

/** Like `main.ts` of the package, with what it prints kept. */
async function runCommand(argv) {
  const printed = { stdout: [], stderr: [] }
  const stream = (name) => ({
    write: (text) => printed[name].push(text),
    isTTY: false,
    columns: 80,
  })
  const io = {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    env: process.env,
    cwd: process.cwd(),
    now: () => performance.now(),
    signal: new AbortController().signal,
    platform: `Node ${process.version}`,
  }
  const status = await runCli(argv, io, commands)
  return { status, stdout: printed.stdout.join(''), stderr: printed.stderr.join('') }
}

async function writePackage(path, settings, folder) {
  if (settings === null) {
    await decompressCoremlPackage(host, { path, folder })
    return null
  }
  const { model, audit } = await sourceOf(path)
  const plan = planCoremlPackage(model, audit, mergeConfig(settings, {}))
  await quantizeCoremlPackage(host, { model, audit, plan, folder })
  return plan.layers
}

async function writeAgain(path, spec, folder) {
  const { model } = await sourceOf(path)
  const options = spec === null ? {} : { spec }
  await writeCoremlPackage(host, { model, folder, replacements: new Map(), ...options })
  return null
}

/** Read and looked through once, for every form that it is written in. */
async function sourceOf(path) {
  if (!sources.has(path)) {
    const model = await readCoremlPackage(host, path)
    sources.set(path, { model, audit: await auditCoremlPackage(host, model) })
  }
  return sources.get(path)
}

async function decode(path, output) {
  const model = await readCoremlPackage(host, path)
  const file = openSync(output, 'w')
  const entries = []
  let offset = 0
  for (const { weight, dtype, shape, uses } of model.document.weights.values()) {
    const values = await weight.readRows(0, shape[0] ?? 1)
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    for (const use of uses) {
      entries.push({
        function: use.function,
        output: use.output,
        input: use.input,
        dtype,
        shape,
        offset,
      })
    }
    for (let from = 0; from < bytes.length;) from += writeSync(file, bytes, from)
    offset += bytes.length
  }
  closeSync(file)
  await model.close()
  return entries
}
