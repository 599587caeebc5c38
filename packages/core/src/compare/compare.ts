import type { Finding } from '../base/finding.ts'
import type { Host } from '../base/host.ts'
import type { VqaSample } from '../tasks/dataset.ts'
import type { VlmModel } from '../tasks/vqa/answer.ts'
import { groupByPicture } from '../tasks/vqa/group-by-picture.ts'
import type { PromptOptions } from '../tasks/vqa/prompt.ts'
import { promptContent } from '../tasks/vqa/prompt.ts'
import type { ComparePictureInput, ComparePictureOutput } from './compare-picture.ts'
import { COMPARED_OUTPUTS } from './compare-picture.ts'
import type { MetricSums, OutputMetrics } from './metrics.ts'
import { metricsOf, startMetrics } from './metrics.ts'

/** How far one output, or one weight of a package, moved. */
export type ComparedOutput = OutputMetrics & {
  readonly name: string
  /** The weight as `--layer` takes it; of Core ML packages only, as is `stored`. */
  readonly layer?: string
  readonly stored?: { readonly reference: ComparedStorage; readonly candidate: ComparedStorage }
}

/** How a weight lies in one of two packages. */
export type ComparedStorage = {
  /** As precision names are written where one fits. */
  readonly precision: string
  /** Its operations, as in a plan. */
  readonly form: string
  /** Signed int8 where GPU and Neural Engine read only unsigned codes right. */
  readonly hasSignedCodes: boolean
  readonly bytes: number
}

/** JSON of `mixbit compare`. */
export type Comparison = {
  readonly schema: 'mixbit/comparison@1'
  readonly reference: string
  readonly candidate: string
  readonly data: string
  readonly samples: number
  readonly outputs: readonly ComparedOutput[]
  /** Of all files of both; of Core ML packages only. */
  readonly bytes?: { readonly reference: number; readonly candidate: number }
  readonly findings: readonly Finding[]
}

export type CompareRequest = {
  readonly reference: VlmModel
  readonly candidate: VlmModel
  readonly names: { readonly reference: string; readonly candidate: string; readonly data: string }
  readonly samples: readonly VqaSample[]
  readonly prompt: PromptOptions
}

/** Compares the outputs of two versions of a model on the same samples. */
export async function compare(
  host: Pick<Host, 'pool' | 'emit'>,
  request: CompareRequest,
): Promise<Comparison> {
  const pictures = groupByPicture(request.samples)
  const totals = COMPARED_OUTPUTS.map(() => startMetrics())
  let done = 0
  const results = host.pool.map<ComparePictureInput, ComparePictureOutput>(
    'compare-picture',
    pictures.map((samples) => ({
      reference: request.reference,
      candidate: request.candidate,
      imagePath: samples[0]?.imagePath ?? '',
      questions: samples.map(({ id, question }) => ({
        id,
        content: promptContent(question, request.prompt),
      })),
    })),
  )
  for await (const { sums } of results) {
    for (const [index, part] of sums.entries()) {
      const total = totals[index]
      if (total !== undefined) addSums(total, part)
    }
    done += 1
    host.emit({
      kind: 'progress',
      stage: 'compare',
      done,
      total: pictures.length,
      unit: 'pictures',
    })
  }
  const outputs = COMPARED_OUTPUTS.map(({ name }, index) => ({
    name,
    ...metricsOf(totals[index] ?? startMetrics()),
  }))
  return {
    schema: 'mixbit/comparison@1',
    ...request.names,
    samples: request.samples.length,
    outputs,
    findings: outputs.filter(({ notFinite }) => notFinite > 0).map(notFiniteFinding),
  }
}

/** Adds the sums of a part. */
export function addSums(total: MetricSums, part: MetricSums): void {
  total.values += part.values
  total.notFinite += part.notFinite
  total.xx += part.xx
  total.yy += part.yy
  total.xy += part.xy
  total.noise += part.noise
  total.maxAbsError = Math.max(total.maxAbsError, part.maxAbsError)
  total.positions += part.positions
  total.agreeing += part.agreeing
}

export function notFiniteFinding(output: OutputMetrics & { readonly name: string }): Finding {
  return {
    code: 'not-finite',
    severity: 'warning',
    subject: output.name,
    message: `${output.notFinite} values of "${output.name}" were NaN or infinite in one of the models and are left out of its errors.`,
  }
}
