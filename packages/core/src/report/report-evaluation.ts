import type { Host } from '../base/host.ts'
import type { PairedComparison } from '../evaluate/paired.ts'
import type { Evaluation } from '../evaluate/evaluate-types.ts'
import type { ChangedAnswer, ReportEvaluation } from './report-types.ts'

/** Examples on the page; enough to see a pattern, few enough to load at once. */
const EXAMPLES = 24

/** Pictures larger than this are left out: the page is one file. */
const LARGEST_PICTURE_IN_BYTES = 400_000

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
}

/**
 * One evaluated set for the report, with the pictures of its first changed answers.
 *
 * @param imagePath - where a picture of the data set lies
 */
export async function reportEvaluation(
  host: Pick<Host, 'open'>,
  name: string,
  before: Evaluation,
  after: Evaluation,
  paired: PairedComparison,
  imagePath: (questionId: number) => string | undefined,
): Promise<ReportEvaluation> {
  const changed = await Promise.all(
    paired.changed.slice(0, EXAMPLES).map(async (each): Promise<ChangedAnswer> => ({
      question: each.question,
      questionType: each.questionType,
      expected: each.expected,
      before: each.before.answer,
      after: each.after.answer,
      scoreBefore: each.before.score,
      scoreAfter: each.after.score,
      picture: await pictureUrl(host, imagePath(each.id)),
    })),
  )
  const { worse, better, pValue } = paired
  return { name, before, after, worse, better, pValue, changed }
}

async function pictureUrl(
  host: Pick<Host, 'open'>,
  path: string | undefined,
): Promise<string | null> {
  if (path === undefined) return null
  const mediaType = MEDIA_TYPES[path.slice(path.lastIndexOf('.') + 1).toLowerCase()]
  if (mediaType === undefined) return null
  const source = await host.open(path)
  try {
    if (source.sizeInBytes > LARGEST_PICTURE_IN_BYTES) return null
    return `data:${mediaType};base64,${base64(await source.read(0, source.sizeInBytes))}`
  } finally {
    await source.close()
  }
}

/** Characters that one call of `fromCharCode` takes without overflowing the stack. */
const STEP = 8192

function base64(bytes: Uint8Array): string {
  let text = ''
  for (let start = 0; start < bytes.length; start += STEP) {
    text += String.fromCharCode(...bytes.subarray(start, start + STEP))
  }
  return btoa(text)
}
