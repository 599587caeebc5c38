import type { JobContext, NamedTensors, Picture, Session } from '../../src/base/host.ts'
import type { VqaSample } from '../../src/tasks/dataset.ts'
import type { VlmModel } from '../../src/tasks/vqa/answer.ts'
import { decoderSession, digitTokenizer, embedSession, visionSession } from './vqa-model.ts'

/** The model of `vqa-model.ts`, whose graphs are called `<name>v`, `<name>e` and `<name>d`. */
export function digitModel(name = ''): VlmModel {
  return {
    folder: 'm',
    files: {
      vision_encoder: `${name}v`,
      embed_tokens: `${name}e`,
      decoder_model_merged: `${name}d`,
    },
    imageTokenId: 9,
    eosTokenIds: [8],
    maxNewTokens: 1,
    maxPositions: 100,
    preprocess: {
      layout: 'NCHW',
      colour: 'RGB',
      resize: { kind: 'none' },
      filter: 'bicubic',
      scale: 1,
      mean: [0, 0, 0],
      std: [1, 1, 1],
    },
    options: { numerics: 'faithful' },
  }
}

export const digitSessions: Readonly<Record<string, Session>> = {
  v: visionSession(),
  e: embedSession(),
  d: decoderSession(),
}

/** What jobs reach: these sessions, and pictures of one pixel as bright as their file's number. */
export function digitContext(sessions: Readonly<Record<string, Session>>): JobContext {
  return {
    session: (path) => {
      const session = sessions[path]
      return session ? Promise.resolve(session) : Promise.reject(new TypeError(path))
    },
    decodeImage: (path) => Promise.resolve(pixel(path)),
    tokenizer: () => Promise.resolve(digitTokenizer),
  }
}

function pixel(path: string): Picture {
  return { width: 1, height: 1, rgb: new Uint8Array(3).fill(Number(/\d+/u.exec(path)?.[0])) }
}

/** A session that also gives what `more` makes of its inputs and outputs. */
export function withOutputs(
  session: Session,
  more: (feeds: NamedTensors, outputs: NamedTensors) => NamedTensors,
): Session {
  return {
    ...session,
    run: async (feeds, wanted) => {
      const outputs = await session.run(feeds, wanted)
      return { ...outputs, ...more(feeds, outputs) }
    },
  }
}

export function sample(id: number, imagePath: string, question: string): VqaSample {
  return {
    id,
    imageId: id,
    imagePath,
    imageName: imagePath,
    question,
    questionType: 'how many',
    answerType: 'number',
    answers: [],
  }
}
