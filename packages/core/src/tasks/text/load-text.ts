import { ensure } from '../../base/error.ts'
import type { Host } from '../../base/host.ts'
import { readText } from '../../base/json-file.ts'
import type { TextDescriptor } from '../descriptor-texts.ts'
import type { DescriptorPlace } from '../label-names.ts'
import { linesOf } from '../pictures.ts'
import type { SampleChoice } from '../samples.ts'
import { chooseSamples } from '../samples.ts'
import type { TextWindow } from './windows.ts'
import { textWindows } from './windows.ts'

/** Texts on which a language model's surprise is measured. */
export type TextDataset = {
  readonly kind: 'text'
  readonly texts: readonly { readonly file: string; readonly text: string }[]
  /** Folder of the tokenizer; null for the model's own. */
  readonly tokenizer: string | null
  readonly window: number
  readonly stride: number
  readonly output: string | null
  /** Which windows are wanted. */
  readonly choice: SampleChoice
  /** Of these, only the ones at these places, in ascending order. */
  readonly places?: readonly number[]
}

/** Most characters together: a text is held in memory with its tokens, about 40 bytes each. */
const MOST_CHARACTERS = 64_000_000

/** Reads the texts. */
export async function loadText(
  host: Host,
  { texts, tokenizer, window, stride, output }: TextDescriptor,
  { folder }: DescriptorPlace,
): Promise<TextDataset> {
  const names =
    'paths' in texts
      ? texts.paths
      : linesOf(await readText(host, host.within(folder, texts.list), 'invalid-dataset'))
  const read: TextDataset['texts'][number][] = []
  let characters = 0
  for (const name of names) {
    const file = host.within(folder, name)
    const text = await readText(host, file, 'invalid-dataset')
    characters += text.length
    ensure(
      characters <= MOST_CHARACTERS,
      'limit-exceeded',
      `The texts have over ${MOST_CHARACTERS} characters with "${file}". Give fewer or shorter ones.`,
      { file, limit: MOST_CHARACTERS },
    )
    read.push({ file, text })
  }
  return {
    kind: 'text',
    texts: read,
    tokenizer: tokenizer === null ? null : host.within(folder, tokenizer),
    window,
    stride,
    output,
    choice: {},
  }
}

/**
 * The wanted windows of a data set's texts. No window goes from one text to the next.
 *
 * @param modelFolder - with the tokenizer that is taken where the data set names none
 */
export async function windowsOf(
  host: Pick<Host, 'tokenizer'>,
  dataset: TextDataset,
  modelFolder: string | null,
): Promise<readonly TextWindow[]> {
  const tokenizer = await host.tokenizer(tokenizerFolder(dataset.tokenizer, modelFolder))
  const windows = dataset.texts.flatMap(({ text }) =>
    textWindows(tokenizer.encodeAlone(text), dataset.window, dataset.stride),
  )
  const inOrder = chooseSamples(windows, dataset.choice)
  const wanted = dataset.places === undefined ? null : new Set(dataset.places)
  const chosen = wanted === null ? inOrder : inOrder.filter((_, place) => wanted.has(place))
  ensure(
    chosen.length > 0,
    'empty-dataset',
    'The texts have fewer than two tokens, so there is nothing to predict.',
    { texts: dataset.texts.length },
  )
  return chosen
}

/** The tokenizer's folder of a data set, or else the model's. */
export function tokenizerFolder(own: string | null, modelFolder: string | null): string {
  const folder = own ?? modelFolder
  ensure(
    folder !== null,
    'invalid-dataset',
    'A text needs a tokenizer. Name the folder of its tokenizer.json with "tokenizer" in the dataset descriptor.',
    { key: 'tokenizer' },
  )
  return folder
}
