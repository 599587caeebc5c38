import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Tokenizer } from '@mixbit/core'
import { readTemplate } from './chat-template.ts'
import { reading } from './file-error.ts'
import { orMalformed, parseObject, readObject } from './json-file.ts'

/**
 * Loads `tokenizer.json`, `tokenizer_config.json` and the chat template of a model folder.
 *
 * `encode` adds no special tokens of its own: the chat template writes those that belong there;
 * `encodeAlone` adds those of the tokenizer's post-processor.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const path = join(folder, 'tokenizer.json')
  const model = parseObject(path, await reading(path, () => readFile(path, 'utf8')))
  const config = await readObject(join(folder, 'tokenizer_config.json'))
  const { Tokenizer: Engine } = await import('@huggingface/tokenizers')
  const engine = orMalformed(path, () => new Engine(model, config ?? {}))
  const render = await readTemplate(folder, config ?? {})
  return {
    encode: (text) => engine.encode(text, { add_special_tokens: false }).ids,
    encodeAlone: (text) => engine.encode(text).ids,
    // A model may end its answer at once; the engine refuses to decode nothing.
    decode: (ids) =>
      ids.length === 0 ? '' : engine.decode([...ids], { skip_special_tokens: true }),
    chat: render,
  }
}
