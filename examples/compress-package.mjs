// Compresses a Core ML package with a form for each kind of layer, and says what each weight lost:
//   node examples/compress-package.mjs model.mlpackage small.mlpackage
// The same on the command line:
//   mixbit quantize model.mlpackage --precision int8 --layer "..." --target coreml-ios18 -o small.mlpackage
//   mixbit compare model.mlpackage small.mlpackage
import { mkdir } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'

import {
  auditCoremlPackage,
  compareCoremlPackages,
  createNodeHost,
  mergeConfig,
  planCoremlPackage,
  precisionName,
  quantizeCoremlPackage,
  readCoremlPackage,
} from 'mixbit'

/**
 * What is stored how. Large layers get a table of 16 values for each 16 output channels, which the
 * Neural Engine reads; everything else gets 8 bits per channel, and vectors stay as they are.
 */
function settingsFor({ weights }) {
  const large = weights.filter(({ elements, role }) => role !== 'vector' && elements >= 100_000)
  return {
    target: 'coreml-ios18',
    precision: 'int8',
    layers: large.map(({ layer }) => ({ pattern: layer, precision: 'palette4/g16' })),
  }
}

/** Writes `output`, which must not exist, and gives the plan and what each weight lost. */
export async function compressPackage(source, output) {
  const host = createNodeHost()
  try {
    const model = await readCoremlPackage(host, source)
    try {
      const audit = await auditCoremlPackage(host, model)
      const plan = planCoremlPackage(model, audit, mergeConfig(settingsFor(audit), {}))
      await mkdir(output)
      const { bytes } = await quantizeCoremlPackage(host, { model, audit, plan, folder: output })
      const { outputs } = await compareCoremlPackages(host, {
        reference: source,
        candidate: output,
      })
      return { before: model.bytes, bytes, plan, losses: outputs }
    } finally {
      await model.close()
    }
  } finally {
    await host.dispose()
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [source, output] = process.argv.slice(2)
  if (output === undefined) {
    console.error('usage: node examples/compress-package.mjs <model.mlpackage> <new.mlpackage>')
    process.exit(2)
  }
  const { before, bytes, plan, losses } = await compressPackage(source, output)
  const lost = new Map(losses.map(({ name, sqnrDb }) => [`model.${name}`, sqnrDb]))
  for (const { layer, scheme } of plan.layers) {
    const sqnrDb = lost.get(layer) ?? null
    console.log(
      precisionName(scheme),
      layer,
      sqnrDb === null ? 'unchanged' : `${sqnrDb.toFixed(1)} dB`,
    )
  }
  console.log(`${before} bytes before, ${bytes} after`)
}
