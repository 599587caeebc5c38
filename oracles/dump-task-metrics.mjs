// Computes Mixbit's task metrics of the predictions on stdin:
//   node oracles/dump-task-metrics.mjs [<built core>] < predictions.json > metrics.json
// Each entry is {"metric": ..., ...its data}; the answers come in the same order.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const built = resolve(process.argv[2] ?? join(import.meta.dirname, '../packages/core/dist'))
const load = (file) => import(pathToFileURL(join(built, file)).href)

const { rankOf, topClasses } = await load('evaluate/top-k.js')
const { cocoInterval, cocoMetrics, matchObjects } = await load('evaluate/coco/coco-metrics.js')
const { perplexity } = await load('evaluate/perplexity.js')
const { pearson, spearman, spearmanWithInterval } = await load('evaluate/spearman.js')
const { meanWithInterval } = await load('evaluate/wilson.js')
const { tokenLoss } = await load('tasks/text/token-loss.js')
const { detectObjects } = await load('tasks/detection/detect-objects.js')
const { suppress } = await load('tasks/detection/suppress.js')
const { cosineSimilarity } = await load('tasks/sts/cosine.js')

const metrics = {
  'top-k': ({ scores, labels }) => {
    const rows = scores.map((row) => Float32Array.from(row))
    const ranks = rows.map((row, i) => rankOf(row, labels[i]))
    const share = (k) => meanWithInterval(ranks.map((rank) => (rank >= 0 && rank < k ? 1 : 0)))
    return {
      top1: share(1),
      top5: share(5).value,
      ranks,
      best: rows.map((row) => topClasses(row, 5)),
    }
  },
  coco: ({ truths, found, pictures, interval }) => {
    const matches = matchObjects(truths, found)
    return { ...cocoMetrics(matches), interval: interval ? cocoInterval(matches, pictures) : null }
  },
  perplexity: ({ windows, vocabulary }) =>
    perplexity(
      windows.map(({ logits, tokens, scored }) =>
        tokenLoss(Float32Array.from(logits), vocabulary, tokens, scored),
      ),
    ),
  spearman: ({ x, y }) => ({
    spearman: spearman(x, y),
    interval: spearmanWithInterval(x, y),
    pearson: pearson(x, y),
  }),
  cosine: ({ x, y }) => cosineSimilarity(Float32Array.from(x), Float32Array.from(y)),
  suppress: ({ boxes, scores, classes, options }) =>
    suppress(
      { boxes: Float32Array.from(boxes), scores: Float32Array.from(scores), classes },
      options,
    ),
  detect,
}

/** Runs the job `detect-objects` on a picture of no content and a model that gives `outputs`. */
function detect({ outputs, size: [height, width], picture, settings, classes }) {
  const tensors = Object.entries(outputs).map(([name, { shape, values }]) => {
    return [name, { dtype: 'float32', shape, data: Float32Array.from(values) }]
  })
  const session = {
    inputs: [{ name: 'images', dtype: 'float32', shape: [1, 3, height, width] }],
    outputs: tensors.map(([name, { shape }]) => ({ name, dtype: 'float32', shape })),
    run: () => Promise.resolve(Object.fromEntries(tensors)),
  }
  const rgb = new Uint8Array(picture.width * picture.height * 3)
  const context = {
    session: () => Promise.resolve(session),
    decodeImage: () => Promise.resolve({ ...picture, rgb }),
  }
  const model = { file: 'm', options: { numerics: 'faithful' } }
  return detectObjects({ model, imagePath: 'p', preprocess: null, settings, classes }, context)
}

const predictions = JSON.parse(readFileSync(0, 'utf8'))
const results = await Promise.all(predictions.map(({ metric, ...data }) => metrics[metric](data)))
process.stdout.write(`${JSON.stringify(results)}\n`)
