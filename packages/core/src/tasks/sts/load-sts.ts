import { ensure } from '../../base/error.ts'
import type { Host } from '../../base/host.ts'
import { readText } from '../../base/json-file.ts'
import type { StsDescriptor } from '../descriptor-texts.ts'
import type { DescriptorPlace } from '../label-names.ts'
import type { Pooling } from './embed-sentence.ts'

/** Two sentences and how alike people found them. */
export type StsSample = {
  /** The line in the file. */
  readonly id: number
  readonly first: string
  readonly second: string
  readonly score: number
}

/** Pairs of sentences. */
export type StsDataset = {
  readonly kind: 'sts'
  readonly samples: readonly StsSample[]
  /** Folder of the tokenizer; null for the model's own. */
  readonly tokenizer: string | null
  readonly pooling: Pooling | null
  readonly mostTokens: number
  readonly output: string | null
}

/** Reads lines of `sentence1 <tab> sentence2 <tab> score`; a first line with these words is a header. */
export async function loadSts(
  host: Host,
  { pairs, tokenizer, pooling, mostTokens, output }: StsDescriptor,
  { folder }: DescriptorPlace,
): Promise<StsDataset> {
  const file = host.within(folder, pairs)
  return {
    kind: 'sts',
    samples: readPairs(await readText(host, file, 'invalid-dataset'), file),
    tokenizer: tokenizer === null ? null : host.within(folder, tokenizer),
    pooling,
    mostTokens,
    output,
  }
}

function readPairs(text: string, file: string): readonly StsSample[] {
  return text.split('\n').flatMap((line, index) => {
    const fields = line.replace(/\r$/, '').split('\t')
    const isHeader = index === 0 && fields.join(' ') === 'sentence1 sentence2 score'
    if (line.trim() === '' || isHeader) return []
    const [first = '', second = '', score = ''] = fields
    ensure(
      fields.length === 3 && first.trim() !== '' && second.trim() !== '' && isNumber(score),
      'invalid-dataset',
      `${file}: line ${index + 1} must be a sentence, a tab, a sentence, a tab and a number; it has ` +
        `${fields.length} fields, the last is "${(fields.at(-1) ?? '').slice(0, 60)}".`,
      { file, line: index + 1 },
    )
    return [{ id: index + 1, first, second, score: Number(score) }]
  })
}

function isNumber(text: string): boolean {
  return text.trim() !== '' && Number.isFinite(Number(text))
}
