import type { Host } from '../base/host.ts'
import { ensure } from '../base/error.ts'
import type { VqaSample } from '../tasks/dataset.ts'
import type { AnswerInput, VlmModel } from '../tasks/vqa/answer.ts'
import type { VlmSession } from '../tasks/vqa/generate.ts'
import type { PromptOptions } from '../tasks/vqa/prompt.ts'
import { promptContent } from '../tasks/vqa/prompt.ts'
import { groupByPicture } from '../tasks/vqa/group-by-picture.ts'
import type {
  CalibratePictureInput,
  CalibratePictureOutput,
  PictureProbe,
} from './calibrate-picture.ts'
import type { Probe } from './instrument.ts'
import type { LayerStatistics, Statistics } from './statistics.ts'

export type CalibrateRequest = {
  /** The instrumented float model. */
  readonly model: VlmModel
  readonly modelName: string
  readonly probes: Readonly<Record<VlmSession, readonly Probe[]>>
  readonly samples: readonly VqaSample[]
  readonly data: string
  readonly prompt: PromptOptions
}

type OwnedProbe = PictureProbe & { readonly layers: readonly string[] }

/**
 * Runs the float model over calibration samples and measures the mean square of every weighted
 * operator's input, channel by channel. Sums are taken in the order of the samples, so that any
 * number of workers gives the same file.
 */
export async function calibrate(
  host: Pick<Host, 'pool' | 'emit'>,
  request: CalibrateRequest,
): Promise<Statistics> {
  const probes = ownedProbes(request.probes)
  const totals = probes.map(({ channels }) => new Float64Array(channels))
  const counts = new Float64Array(probes.length)
  const pictures = groupByPicture(request.samples)
  let done = 0
  const results = host.pool.map<CalibratePictureInput, CalibratePictureOutput>(
    'calibrate-picture',
    pictures.map((samples) => ({ answer: answerInput(request, samples), probes })),
  )
  for await (const result of results) {
    for (const [index, sums] of result.sums.entries()) {
      addTo(totals[index]!, sums)
      counts[index] = counts[index]! + result.counts[index]!
    }
    done += 1
    host.emit({
      kind: 'progress',
      stage: 'calibrate',
      done,
      total: pictures.length,
      unit: 'pictures',
    })
  }
  return {
    schema: 'mixbit/statistics@1',
    model: request.modelName,
    data: request.data,
    samples: request.samples.length,
    layers: statisticsByLayer(probes, totals, counts),
  }
}

function ownedProbes(
  probes: Readonly<Record<VlmSession, readonly Probe[]>>,
): readonly OwnedProbe[] {
  const of = (session: VlmSession): readonly OwnedProbe[] =>
    probes[session].map((probe) => ({ ...probe, session }))
  return [...of('vision_encoder'), ...of('embed_tokens'), ...of('decoder_model_merged')]
}

function answerInput(request: CalibrateRequest, samples: readonly VqaSample[]): AnswerInput {
  return {
    model: request.model,
    imagePath: samples[0]?.imagePath ?? '',
    questions: samples.map(({ id, question }) => ({
      id,
      content: promptContent(question, request.prompt),
    })),
  }
}

function addTo(total: Float64Array, values: Float64Array): void {
  for (let at = 0; at < total.length; at++) total[at] = total[at]! + values[at]!
}

/** A layer that reads several activations is judged by all of them together. */
function statisticsByLayer(
  probes: readonly OwnedProbe[],
  totals: readonly Float64Array[],
  counts: Float64Array,
): Readonly<Record<string, LayerStatistics>> {
  const sums = new Map<string, { readonly total: Float64Array; count: number }>()
  for (const [index, probe] of probes.entries()) {
    for (const layer of probe.layers) {
      const sum = sums.get(layer) ?? { total: new Float64Array(probe.channels), count: 0 }
      addTo(sum.total, totals[index]!)
      sum.count += counts[index]!
      sums.set(layer, sum)
    }
  }
  const measured = [...sums].filter(([, { count }]) => count > 0)
  return Object.fromEntries(
    measured.map(([layer, { total, count }]) => [layer, layerStatistics(layer, total, count)]),
  )
}

function layerStatistics(layer: string, total: Float64Array, count: number): LayerStatistics {
  const meanSquare = Array.from(total, (sum) => Math.fround(sum / count))
  ensure(
    meanSquare.every(Number.isFinite),
    'not-finite',
    `The input of "${layer}" became NaN or infinite on a calibration sample; the float model itself overflows there.`,
    { layer },
  )
  return { count, meanSquare }
}
