// Decodes the weights of Core ML packages with Mixbit's own reader:
//   node oracles/coreml-dump.mjs <package> <file>...      pairs of them
// Writes dense float32 values one after the other into each file, and beside it `<file>.json`: a list of
// {function, output, input, dtype, shape, offset}, one entry for each operator input that reads a weight.
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'

import { readCoremlPackage } from '../packages/core/dist/formats/coreml/read-package.js'
import { createNodeHost } from '../packages/mixbit/dist/host/host.js'

const paths = process.argv.slice(2)
if (paths.length === 0 || paths.length % 2 === 1) {
  process.stderr.write('usage: node oracles/coreml-dump.mjs <package> <file>...\n')
  process.exit(2)
}
const host = createNodeHost({ workers: 0 })
for (let at = 0; at < paths.length; at += 2) {
  try {
    await dump(paths[at], paths[at + 1])
  } catch (error) {
    // The package has no dump then, which the checker reports.
    process.stderr.write(`${paths[at]}: ${error.stack}\n`)
  }
}
await host.dispose()

async function dump(path, output) {
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
  writeFileSync(`${output}.json`, JSON.stringify(entries))
}
