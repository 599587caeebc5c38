// Writes the model folders that the oracles look at, with the built command line:
//   node oracles/make.mjs <folder>
// and beside each folder `<name>.decoded.safetensors`: its weights as Mixbit decodes them.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const [folder] = process.argv.slice(2)
if (folder === undefined) {
  process.stderr.write('usage: node oracles/make.mjs <folder>\n')
  process.exit(2)
}

/** Folder name to the options that make it. Together they use every form that is written. */
const models = {
  fp32: ['--precision', 'fp32'],
  fp16: ['--precision', 'fp16'],
  balanced: ['--preset', 'balanced'],
  'balanced-self-contained': ['--preset', 'balanced', '--self-contained'],
  'balanced-no-protect': ['--preset', 'balanced', '--no-protect', '--algorithm', 'round'],
  quality_focused: ['--preset', 'quality_focused'],
  ultra_fast: ['--preset', 'ultra_fast'],
  mobile_optimized: ['--preset', 'mobile_optimized'],
  int8: ['--precision', 'int8'],
  'int8-tensor': ['--precision', 'int8/tensor'],
  'int8-asym': ['--precision', 'int8/asym'],
  'int8-block': ['--precision', 'int8/32'],
  int4: ['--precision', 'int4'],
  'int4-asym': ['--precision', 'int4/asym'],
  'int4-channel': ['--precision', 'int4/channel'],
}

mkdirSync(folder, { recursive: true })
const fixed = ['packages/mixbit/bin/mixbit.js', 'quantize', 'fixtures/fastvlm-nano', '--quiet']
for (const [name, options] of Object.entries(models)) {
  const out = join(folder, name)
  run([...fixed, '--target', 'transformers-js', ...options, '-o', out])
  run(['oracles/dump-decoded.mjs', out, `${out}.decoded.safetensors`])
}

function run(args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status === 0) return
  process.stderr.write(`node ${args.join(' ')} failed\n`)
  process.exit(1)
}
