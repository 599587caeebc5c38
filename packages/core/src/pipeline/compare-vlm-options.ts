import type { Host } from '../base/host.ts'
import { compare } from '../compare/compare.ts'
import type { TimedRun } from '../compare/interleaved-times.ts'
import type { OptionQuality } from '../compare/options-types.ts'
import { timedContext } from '../compare/timed-context.ts'
import { evaluateVqa } from '../evaluate/evaluate-vqa.ts'
import type { VqaDataset } from '../tasks/dataset.ts'
import { loadVqaDataset } from '../tasks/dataset.ts'
import type { VlmModel } from '../tasks/vqa/answer.ts'
import { answerPicture } from '../tasks/vqa/answer.ts'
import { modelForDataset, readVlmModel } from '../tasks/vqa/model.ts'
import { promptContent } from '../tasks/vqa/prompt.ts'
import type { MeasuredOption, OptionsPlace, OptionsRequest } from './compare-options.ts'
import { NOTHING_MEASURED } from './compare-options.ts'
import { openForEvaluation } from './open-for-evaluation.ts'

/** Questions on which options are timed. */
const TIMED_QUESTIONS = 10

/** The output that answers come from. */
const JUDGED_OUTPUT = 'logits'

/** The questions that every option is asked. */
export type AskedQuestions = {
  readonly dataset: VqaDataset
  readonly hasAnswers: boolean
}

/** What options of a model folder are measured with, and against. */
export type VlmSubject = AskedQuestions & { readonly float: VlmModel }

/** Loads the questions; answers count when all questions have some. */
export async function askedQuestions(
  host: Host,
  { data, limit }: Pick<OptionsRequest, 'data' | 'limit'>,
): Promise<AskedQuestions> {
  const choice = limit === null ? {} : { limit }
  const any = await loadVqaDataset(host, data, { labels: 'optional', ...choice })
  const hasAnswers = any.samples.some(({ answers }) => answers.length > 0)
  if (!hasAnswers) return { dataset: any, hasAnswers }
  return {
    dataset: await loadVqaDataset(host, data, { labels: 'required', ...choice }),
    hasAnswers,
  }
}

/** The model of a folder with these graphs, as the questions want it used. */
export async function vlmModel(
  host: Host,
  folder: string,
  files: VlmModel['files'],
  { numerics }: OptionsRequest,
  dataset: VqaDataset,
): Promise<VlmModel> {
  return modelForDataset(await readVlmModel(host, folder, files, { numerics }), dataset.options)
}

/** Measures the package that an option wrote. */
export async function measurePackage(
  host: Host,
  place: OptionsPlace,
  request: OptionsRequest,
  subject: VlmSubject,
  written: { readonly folder: string; readonly bytes: number },
): Promise<MeasuredOption> {
  const { folder, bytes } = written
  const files = await openForEvaluation(host, folder, place.scratch, null)
  const made = await vlmModel(host, folder, files, request, subject.dataset)
  return measureVlm(host, place, request, subject, made, bytes)
}

/** Measures a model that is ready to be run: the float one itself, or against it. */
export async function measureVlm(
  host: Host,
  place: OptionsPlace,
  request: OptionsRequest,
  { float, dataset, hasAnswers }: VlmSubject,
  candidate: VlmModel,
  bytes: number,
): Promise<MeasuredOption> {
  const stage =
    candidate === float ? 'evaluate float' : `evaluate ${candidate.folder.replace(/^.*[/\\]/u, '')}`
  const scored = hasAnswers
    ? (await evaluateVqa(host, candidate, dataset, { stage, now: place.now })).evaluation
    : null
  const { metric, value, low, high } = scored ?? NOTHING_MEASURED
  const moved =
    candidate === float ? NOT_MOVED : await error(host, request, float, candidate, dataset)
  return {
    quality: { metric, value, low, high, ...moved },
    bytes,
    findings: scored?.findings ?? dataset.findings,
    run: timedRun(place, candidate, dataset),
  }
}

type Moved = Pick<OptionQuality, 'sqnrDb' | 'top1Agreement'>

const NOT_MOVED: Moved = { sqnrDb: null, top1Agreement: null }

/** How far the scores of the first new token moved. */
async function error(
  host: Host,
  { model }: OptionsRequest,
  reference: VlmModel,
  candidate: VlmModel,
  dataset: VqaDataset,
): Promise<Moved> {
  const { outputs } = await compare(host, {
    reference,
    candidate,
    names: { reference: model, candidate: candidate.folder, data: dataset.name },
    samples: dataset.samples,
    prompt: dataset.options,
  })
  const logits = outputs.find(({ name }) => name === JUDGED_OUTPUT)
  return { sqnrDb: logits?.sqnrDb ?? null, top1Agreement: logits?.top1Agreement ?? null }
}

/** One whole answer: vision, prompt and every new token; only runs of graphs count. */
function timedRun(
  { context, now }: OptionsPlace,
  model: VlmModel,
  { samples, options }: VqaDataset,
): TimedRun {
  const timed = timedContext(context, now)
  const device: VlmModel = { ...model, options: { numerics: 'device' } }
  return async (round) => {
    const sample = samples[round % Math.min(samples.length, TIMED_QUESTIONS)]
    if (sample === undefined) throw new TypeError('There are no questions to time')
    const { id, imagePath, question } = sample
    const questions = [{ id, content: promptContent(question, options) }]
    timed.take()
    await answerPicture({ model: device, imagePath, questions }, timed.context)
    return timed.take()
  }
}
