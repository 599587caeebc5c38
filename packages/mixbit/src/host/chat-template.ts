import { join } from 'node:path'
import { MixbitError } from '@mixbit/core'
import { isObject, orMalformed, readObject, readOptional } from './json-file.ts'
import type { JsonObject } from './json-file.ts'

/** Special tokens that templates may name. */
const SPECIAL_TOKENS = ['bos_token', 'eos_token', 'pad_token', 'unk_token']

/**
 * The function that renders one user message, with the generation prompt added, as
 * `apply_chat_template` of transformers does. It throws `unsupported-model` when the folder has
 * no template.
 *
 * Looked for in this order, as transformers does: `chat_template.jinja`, `chat_template.json`,
 * `chat_template` of `tokenizer_config.json` (of several, the one named `default`).
 */
export async function readTemplate(
  folder: string,
  config: JsonObject,
): Promise<(userMessage: string) => string> {
  const source = await findTemplate(folder, config)
  if (source === undefined) {
    return () => {
      throw new MixbitError(
        'unsupported-model',
        `The model folder "${folder}" has no chat template. Add chat_template.jinja to it.`,
        { folder },
      )
    }
  }
  const { Template } = await import('@huggingface/jinja')
  const template = orMalformed(source.path, () => new Template(source.text))
  const tokens = specialTokens(config)
  return (content) =>
    orMalformed(source.path, () =>
      template.render({
        ...tokens,
        messages: [{ role: 'user', content }],
        add_generation_prompt: true,
      }),
    )
}

type TemplateSource = { readonly path: string; readonly text: string }

async function findTemplate(
  folder: string,
  config: JsonObject,
): Promise<TemplateSource | undefined> {
  const jinja = join(folder, 'chat_template.jinja')
  const text = await readOptional(jinja)
  if (text !== undefined) return { path: jinja, text }
  const json = join(folder, 'chat_template.json')
  const inJson = templateText((await readObject(json))?.['chat_template'])
  if (inJson !== undefined) return { path: json, text: inJson }
  const inConfig = templateText(config['chat_template'])
  if (inConfig === undefined) return undefined
  return { path: join(folder, 'tokenizer_config.json'), text: inConfig }
}

/** A template is a text, or a list of `{name, template}`. */
function templateText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  for (const entry of value) {
    if (!isObject(entry) || entry['name'] !== 'default') continue
    if (typeof entry['template'] === 'string') return entry['template']
  }
  return undefined
}

/** A special token is a text, or an object with the text in `content`. */
function specialTokens(config: JsonObject): Record<string, string> {
  const tokens: Record<string, string> = {}
  for (const name of SPECIAL_TOKENS) {
    const value = config[name]
    const text = isObject(value) ? value['content'] : value
    if (typeof text === 'string') tokens[name] = text
  }
  return tokens
}
