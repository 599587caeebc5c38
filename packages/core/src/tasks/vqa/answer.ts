import { ensure } from '../../base/error.ts'
import type { JobContext, RuntimeOptions, RuntimeTensor, Session } from '../../base/host.ts'
import { preprocessPicture } from '../preprocess.ts'
import type { PreprocessSpec } from '../preprocess.ts'
import { generate } from './generate.ts'
import type { LanguageSessions, Observe, VlmSession } from './generate.ts'
import { floatData } from './tensors.ts'

/** All that a worker needs to know of a model: plain data. */
export type VlmModel = {
  /** The folder with the tokenizer. */
  readonly folder: string
  /** Absolute path of each graph. */
  readonly files: Readonly<Record<VlmSession, string>>
  readonly imageTokenId: number
  readonly eosTokenIds: readonly number[]
  readonly maxNewTokens: number
  readonly maxPositions: number
  readonly preprocess: PreprocessSpec
  readonly options: RuntimeOptions
}

/** One picture and what is asked about it. */
export type AnswerInput = {
  readonly model: VlmModel
  readonly imagePath: string
  /** `content` is the user's message, as `promptContent` makes it. */
  readonly questions: readonly { readonly id: number; readonly content: string }[]
  /** Also return the scores of the first new token, to compare two models. */
  readonly wantLogits?: boolean
}

export type Answer = {
  readonly id: number
  readonly answer: string
  readonly tokens: readonly number[]
  /** The model gave only NaN at some point, and the answer was ended there. */
  readonly isBroken: boolean
  /** Scores of the first new token, shape (vocabulary); only if asked for. */
  readonly firstLogits?: Float32Array
}

export type AnswerOutput = {
  readonly answers: readonly Answer[]
}

/** The pool job `answer-questions`: answers the questions about one picture, in their order. */
export function answerQuestions(input: AnswerInput, context: JobContext): Promise<AnswerOutput> {
  return answerPicture(input, context)
}

/**
 * Answers the questions about one picture; its features are computed once. With `observe`, which
 * calibration uses, every output of every run is handed over.
 */
export async function answerPicture(
  input: AnswerInput,
  context: JobContext,
  observe?: Observe,
): Promise<AnswerOutput> {
  const { model, imagePath } = input
  const picture = preprocessPicture(await context.decodeImage(imagePath), model.preprocess)
  const vision = await context.session(model.files.vision_encoder, model.options)
  const sessions = {
    embed_tokens: await context.session(model.files.embed_tokens, model.options),
    decoder_model_merged: await context.session(model.files.decoder_model_merged, model.options),
  }
  const features = await imageFeatures(vision, picture, observe)
  const answers: Answer[] = []
  for (const question of input.questions) {
    answers.push(await answerOne(input, question, { context, sessions, features, observe }))
  }
  return { answers }
}

type Loaded = {
  readonly context: JobContext
  readonly sessions: LanguageSessions
  readonly features: RuntimeTensor
  readonly observe: Observe | undefined
}

async function answerOne(
  { model, wantLogits }: AnswerInput,
  { id, content }: AnswerInput['questions'][number],
  { context, sessions, features, observe }: Loaded,
): Promise<Answer> {
  const tokenizer = await context.tokenizer(model.folder)
  const { imageTokenId, eosTokenIds, maxNewTokens, maxPositions } = model
  const { tokens, firstLogits, isBroken } = await generate(
    sessions,
    tokenizer.encode(tokenizer.chat(content)),
    features,
    { imageTokenId, eosTokenIds, maxNewTokens, maxPositions, ...(observe && { observe }) },
  )
  const answer = tokenizer.decode(tokens).trim()
  return { id, answer, tokens, isBroken, ...(wantLogits === true && { firstLogits }) }
}

/** Runs the vision encoder: float32, shape (..., visual tokens, hidden size). */
async function imageFeatures(
  vision: Session,
  picture: RuntimeTensor,
  observe: Observe | undefined,
): Promise<RuntimeTensor> {
  const input = vision.inputs.find(({ name }) => name === 'pixel_values')
  ensure(
    input !== undefined && vision.inputs.length === 1,
    'unsupported-model',
    `The vision encoder must have the one input "pixel_values"; it has ${vision.inputs.map(({ name }) => name).join(', ')}.`,
  )
  const fits = picture.shape.every((size, axis) => {
    const wanted = input.shape[axis]
    return typeof wanted !== 'number' || wanted === size
  })
  ensure(
    fits,
    'wrong-shape',
    `The vision encoder takes pictures of shape ${input.shape.join(' x ')}; preprocessing gives ${picture.shape.join(' x ')}.`,
    { wanted: input.shape, found: picture.shape },
  )
  const outputs = await vision.run(
    { pixel_values: picture },
    observe ? undefined : ['image_features'],
  )
  observe?.('vision_encoder', outputs)
  const shape = outputs['image_features']?.shape ?? []
  return { dtype: 'float32', shape, data: floatData(outputs['image_features'], 'image_features') }
}
