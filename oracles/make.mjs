// Writes the model folders that the oracles look at, with the built command line:
//   node oracles/make.mjs <folder>
// There lie then: `checkpoints/`, copies of the fixture stored in other ways; `models/<name>`, what
// Mixbit made of them; `models/<name>.decoded.safetensors`, its weights as Mixbit decodes them; and
// `models.json`: for each model its checkpoint, and the float model of the same checkpoint.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { makeCheckpoints } from './checkpoints.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const [folder] = process.argv.slice(2)
if (folder === undefined) {
  process.stderr.write('usage: node oracles/make.mjs <folder>\n')
  process.exit(2)
}

const round = ['--algorithm', 'round']
const calibrated = ['--calibration', 'fixtures/pocket-vqa/calibration.json', '--samples', '32']

/**
 * Checkpoint name to folder name to the options that make it. Together they use every form that is
 * written: a tied table is stored in blocks, so lookup by rows needs a head of its own.
 */
const models = {
  nano: {
    fp32: ['--precision', 'fp32'],
    fp16: ['--precision', 'fp16'],
    balanced: ['--preset', 'balanced'],
    'balanced-calibrated': ['--preset', 'balanced', ...calibrated],
    'balanced-self-contained': ['--preset', 'balanced', '--self-contained'],
    'balanced-no-protect': ['--preset', 'balanced', '--no-protect', ...round],
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
    int2: ['--precision', 'int2'],
    'int2-channel-asym': ['--precision', 'int2/channel/asym', ...round],
    'int2-64-asym-self-contained': ['--precision', 'int2/64/asym', '--self-contained', ...round],
    // 192 / 64 = 3 and 576 / 64 = 9 blocks a row: the last zero point has half a byte to itself.
    'int4-64-asym': ['--precision', 'int4/64/asym', ...round],
    'int4-64-asym-self-contained': ['--precision', 'int4/64/asym', '--self-contained', ...round],
    'int4-self-contained': ['--precision', 'int4', '--self-contained', ...round],
    'int8-block-asym-self-contained': ['--precision', 'int8/64/asym', '--self-contained', ...round],
  },
  untied: {
    'untied-fp32': ['--precision', 'fp32'],
    'untied-fp16': ['--precision', 'fp16', '--self-contained'],
    'untied-balanced': ['--preset', 'balanced'],
    'untied-int8': ['--precision', 'int8', ...round],
    'untied-int8-tensor': ['--precision', 'int8/tensor', ...round],
    'untied-int8-asym': ['--precision', 'int8/asym', ...round],
    'untied-int8-tensor-asym': ['--precision', 'int8/tensor/asym', ...round],
    'untied-int8-block-asym': ['--precision', 'int8/64/asym', ...round],
    'untied-int4': ['--precision', 'int4', ...round],
    'untied-int4-asym': ['--precision', 'int4/16/asym', '--self-contained', ...round],
    'untied-int4-channel': ['--precision', 'int4/channel', ...round],
    'untied-int2-asym': ['--precision', 'int2/asym', ...round],
  },
  bf16: {
    'bf16-fp32': ['--precision', 'fp32'],
    'bf16-fp16': ['--precision', 'fp16'],
    'bf16-balanced': ['--preset', 'balanced', ...round],
  },
  fp32: {
    'fp32-fp32': ['--precision', 'fp32'],
    'fp32-fp16': ['--precision', 'fp16'],
    'fp32-balanced': ['--preset', 'balanced'],
    'fp32-int8-asym': ['--precision', 'int8/asym', ...round],
  },
}

const checkpoints = makeCheckpoints(
  join(root, 'fixtures', 'fastvlm-nano'),
  resolve(folder, 'checkpoints'),
)
mkdirSync(join(folder, 'models'), { recursive: true })
const made = []
for (const [checkpoint, folders] of Object.entries(models)) {
  const [reference] = Object.keys(folders)
  for (const [name, options] of Object.entries(folders)) {
    const out = resolve(folder, 'models', name)
    const source = checkpoints[checkpoint]
    const fixed = ['packages/mixbit/bin/mixbit.js', 'quantize', source, '--target=transformers-js']
    run([...fixed, ...options, '-o', out, '--quiet'])
    run(['oracles/dump-decoded.mjs', out, `${out}.decoded.safetensors`])
    made.push({ name, checkpoint: source, reference })
  }
}
writeFileSync(join(folder, 'models.json'), `${JSON.stringify(made, null, 2)}\n`)

/** Shows what the command said only when it failed. */
function run(args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
  })
  if (status === 0) return
  process.stderr.write(`${stdout}${stderr}node ${args.join(' ')} failed\n`)
  process.exit(1)
}
