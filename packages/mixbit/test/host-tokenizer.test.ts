import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadTokenizer } from '../src/host/tokenizer.ts'

const nano = fileURLToPath(new URL('../../../fixtures/fastvlm-nano/', import.meta.url))

const question = '<image>\nhow many objects are there?'
const prompt = `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n`

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mixbit-tokenizer-'))
  await copyFile(join(nano, 'tokenizer.json'), join(folder, 'tokenizer.json'))
})
afterEach(() => rm(folder, { recursive: true }))

/** The int64 tensor `name` of a safetensors file. */
async function readIds(path: string, name: string): Promise<readonly number[]> {
  const file = await readFile(path)
  const headerLength = Number(file.readBigUInt64LE(0))
  const header: unknown = JSON.parse(file.toString('utf8', 8, 8 + headerLength))
  const entry: { data_offsets: [number, number] } = Reflect.get(Object(header), name)
  const [start, end] = entry.data_offsets
  const ids: number[] = []
  for (let at = start; at < end; at += 8)
    ids.push(Number(file.readBigInt64LE(8 + headerLength + at)))
  return ids
}

test('a prompt has the ids of the reference', async () => {
  const tokenizer = await loadTokenizer(nano)
  const ids = await readIds(join(nano, 'reference', 'golden.safetensors'), 'input_ids')
  expect(ids).toHaveLength(16)
  expect(tokenizer.encode(prompt)).toEqual(ids)
})

test('a chat message becomes the prompt, and decoding leaves special tokens out', async () => {
  const tokenizer = await loadTokenizer(nano)
  expect(tokenizer.chat(question)).toBe(prompt)
  const decoded = tokenizer.decode(tokenizer.encode('<|im_start|>two red objects<|im_end|>'))
  expect(decoded).toBe('two red objects')
})

test('an answer without tokens is empty', async () => {
  const tokenizer = await loadTokenizer(nano)
  expect(tokenizer.decode([])).toBe('')
  expect(tokenizer.decode(tokenizer.encode('<|im_end|>'))).toBe('')
})

test.for([
  { name: 'chat_template.jinja', file: 'chat_template.jinja', text: '{{ messages[0].content }}!' },
  {
    name: 'chat_template.json',
    file: 'chat_template.json',
    text: JSON.stringify({ chat_template: '{{ messages[0].content }}!' }),
  },
  {
    name: 'a named template of several',
    file: 'tokenizer_config.json',
    text: JSON.stringify({
      tokenizer_class: 'Qwen2Tokenizer',
      chat_template: [
        { name: 'tool_use', template: 'no' },
        { name: 'default', template: '{{ messages[0].content }}!' },
      ],
    }),
  },
  {
    name: 'a template with special tokens as objects',
    file: 'tokenizer_config.json',
    text: JSON.stringify({
      tokenizer_class: 'Qwen2Tokenizer',
      eos_token: { content: '!' },
      bos_token: null,
      chat_template: '{{ messages[0].content }}{{ bos_token }}{{ eos_token }}',
    }),
  },
])('$name is used', async ({ file, text }) => {
  await writeFile(join(folder, file), text)
  expect((await loadTokenizer(folder)).chat('hello')).toBe('hello!')
})

test('chat_template.jinja goes before the one in the config', async () => {
  await copyFile(join(nano, 'tokenizer_config.json'), join(folder, 'tokenizer_config.json'))
  await writeFile(join(folder, 'chat_template.jinja'), 'first')
  expect((await loadTokenizer(folder)).chat('hello')).toBe('first')
})

test('without a template text is still encoded, and chat says what is missing', async () => {
  const tokenizer = await loadTokenizer(folder)
  expect(tokenizer.encode('red').length).toBeGreaterThan(0)
  expect(() => tokenizer.chat('hello')).toThrow(/no chat template/)
})

test.for([
  { name: 'no tokenizer.json', file: 'other', text: '', code: 'not-found' },
  { name: 'a cut tokenizer.json', file: 'tokenizer.json', text: '{"model":', code: 'malformed' },
  { name: 'a list', file: 'tokenizer.json', text: '[]', code: 'malformed' },
  { name: 'an object without a model', file: 'tokenizer.json', text: '{}', code: 'malformed' },
  { name: 'a broken config', file: 'tokenizer_config.json', text: '{', code: 'malformed' },
  { name: 'a broken template', file: 'chat_template.jinja', text: '{% if %}', code: 'malformed' },
])('$name gives $code', async ({ file, text, code }) => {
  if (file === 'other') await rm(join(folder, 'tokenizer.json'))
  else await writeFile(join(folder, file), text)
  await expect(loadTokenizer(folder)).rejects.toMatchObject({ code })
})

test('a template that refuses the message gives malformed with its own words', async () => {
  await writeFile(join(folder, 'chat_template.jinja'), "{{ raise_exception('only system') }}")
  const tokenizer = await loadTokenizer(folder)
  expect(() => tokenizer.chat('hello')).toThrow(/only system/)
})

test('a text of its own gets the special tokens of the tokenizer, in a chat it does not', async () => {
  const path = join(folder, 'tokenizer.json')
  const own: object = JSON.parse(await readFile(path, 'utf8'))
  const end = '<|im_end|>'
  const special = { [end]: { id: end, ids: [7], tokens: [end] } }
  const around = [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: end, type_id: 0 } }]
  const processor = {
    type: 'TemplateProcessing',
    single: around,
    pair: [],
    special_tokens: special,
  }
  await writeFile(path, JSON.stringify({ ...own, post_processor: processor }))
  const tokenizer = await loadTokenizer(folder)
  const ids = tokenizer.encode('red')
  const endIds = tokenizer.encode(end)
  expect(endIds).toHaveLength(1)
  expect(tokenizer.encodeAlone('red')).toEqual([...ids, ...endIds])
})
