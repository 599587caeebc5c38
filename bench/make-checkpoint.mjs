// Writes a checkpoint of real size with made-up weights, to measure time and memory with:
//   npm run -s bench:make -- -o <folder> [--dtype fp16|fp32] [--model 0.5B|1.5B] [--untied] [--sharded] [--seed 1]
import { mkdirSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { checkpointTensors, countParameters, models } from './checkpoint/shapes.mjs'
import { writeSideFiles } from './checkpoint/side-files.mjs'
import { sizeInBytes, writeCheckpoint } from './checkpoint/write.mjs'

const dtypes = { fp16: 'F16', fp32: 'F32' }
const SHARD_BYTES = 500_000_000

const { values } = parseArgs({
  options: {
    output: { type: 'string', short: 'o' },
    dtype: { type: 'string', default: 'fp16' },
    model: { type: 'string', default: '0.5B' },
    seed: { type: 'string', default: '1' },
    untied: { type: 'boolean', default: false },
    sharded: { type: 'boolean', default: false },
  },
})
const folder = values.output ?? stop('name the folder to write: -o <folder>')
const dtype = dtypes[values.dtype] ?? stop('--dtype is fp16 or fp32')
const model = models[values.model] ?? stop(`--model is ${Object.keys(models).join(' or ')}`)
const seed = /^\d{1,9}$/.test(values.seed) ? Number(values.seed) : stop('--seed is a whole number')

const tensors = checkpointTensors(model, values.untied)
const tied = countParameters(tensors.filter(({ name }) => name !== 'lm_head.weight'))
if (tied !== model.parameters) throw new Error(`${tied} parameters, not ${model.parameters}`)

const start = performance.now()
mkdirSync(folder, { recursive: true })
writeSideFiles(folder, model, dtype, values.untied)
const shardBytes = values.sharded ? SHARD_BYTES : Infinity
const files = writeCheckpoint({ folder, tensors, dtype, seed, shardBytes })
const bytes = tensors.reduce((sum, tensor) => sum + sizeInBytes(tensor, dtype), 0)
const seconds = (performance.now() - start) / 1000
console.error(
  `${folder}: shapes of FastVLM-${values.model}, ${countParameters(tensors)} parameters in ` +
    `${(bytes / 1e6).toFixed(1)} MB (${files.length} file${files.length > 1 ? 's' : ''}), ` +
    `${seconds.toFixed(1)} s`,
)

/** @returns {never} */
function stop(line) {
  console.error(`make-checkpoint: ${line}`)
  process.exit(2)
}
