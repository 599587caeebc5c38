// Reads Core ML packages and writes them again, with nothing changed, or only raised to a version:
//   node oracles/coreml-rewrite.mjs [--spec <version>] <package> <written package>...      pairs of them
import { readCoremlPackage } from '../packages/core/dist/formats/coreml/read-package.js'
import { writeCoremlPackage } from '../packages/core/dist/formats/coreml/write-package.js'
import { createNodeHost } from '../packages/mixbit/dist/host/host.js'

const paths = process.argv.slice(2)
const spec = paths[0] === '--spec' ? { spec: Number(paths.splice(0, 2)[1]) } : {}
if (paths.length === 0 || paths.length % 2 === 1) {
  process.stderr.write('usage: node oracles/coreml-rewrite.mjs <package> <written package>...\n')
  process.exit(2)
}
const host = createNodeHost({ workers: 0 })
for (let at = 0; at < paths.length; at += 2) {
  try {
    const model = await readCoremlPackage(host, paths[at])
    await writeCoremlPackage(host, {
      model,
      folder: paths[at + 1],
      replacements: new Map(),
      ...spec,
    })
    await model.close()
  } catch (error) {
    // The package was not written then, which the checker reports.
    process.stderr.write(`${paths[at]}: ${error.stack}\n`)
  }
}
await host.dispose()
