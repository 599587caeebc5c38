import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findChromium, launchChromium } from '../../studio/test/chromium.ts'
import { type FileServer, serveFolders } from './file-server.ts'

const root = join(import.meta.dirname, '../../..')
const fixture = join(root, 'fixtures/fastvlm-nano')
const pictures = join(root, 'fixtures/pocket-vqa/val')
const folder = mkdtempSync(join(tmpdir(), 'mixbit-transformers-js-'))
const QUESTIONS = 50

type Asked = { readonly question: string; readonly picture: string }

/** What Mixbit itself answers, computed once. */
let ours: readonly (Asked & { readonly answer: string })[] = []

beforeAll(() => {
  node(['scripts/build.mjs'])
  quantize('shared', ['--preset', 'balanced'])
  quantize('self-contained', ['--preset', 'balanced', '--self-contained'])
  quantize('int4', ['--precision', 'int4/64/asym', '--self-contained'])
  const data = join(root, 'fixtures/pocket-vqa/val.json')
  const script = 'packages/mixbit/test/answer-with-mixbit.mjs'
  ours = JSON.parse(node([script, join(folder, 'shared'), data, String(QUESTIONS)]))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe('a written folder in transformers.js, without options and without a network', () => {
  test('answers 50 questions as Mixbit does', () => {
    expect(ours).toHaveLength(QUESTIONS)
    expect(new Set(ours.map(({ answer }) => answer)).size).toBeGreaterThan(10)
    expect(answersOf('shared', ours)).toEqual(ours.map(({ answer }) => answer))
  })

  test('answers the same when it is self-contained', () => {
    const some = ours.slice(0, 10)
    expect(answersOf('self-contained', some)).toEqual(some.map(({ answer }) => answer))
  })

  test('a self-contained graph needs no data file but its own', () => {
    const alone = join(folder, 'alone')
    cpSync(join(folder, 'self-contained'), alone, { recursive: true })
    const { sessions } = JSON.parse(readFileSync(join(alone, 'mixbit.json'), 'utf8'))
    const graph = readFileSync(join(alone, sessions.decoder_model_merged), 'latin1')
    expect(graph).toContain('decoder_model_merged_q4.onnx_data')
    expect(graph).not.toContain('embed_tokens_quantized.onnx_data')
  })

  test('the example says how it is used, and answers from the command line', () => {
    const example = join(root, 'examples/answer-question.mjs')
    const [first] = ours
    const args = [join(folder, 'shared'), join(pictures, '000001.jpg'), first?.question ?? '']
    expect(node([example, ...args]).trim()).toBe(first?.answer)
    const unused = spawnSync(process.execPath, [example], { encoding: 'utf8' })
    expect(unused.status).toBe(2)
    expect(unused.stderr).toMatch(/^usage: node examples\/answer-question\.mjs /)
  })
})

const chromium = findChromium()
const where = chromium === null ? 'skipped: no chromium in /usr/bin or on PATH' : 'in Chromium'

describe.skipIf(chromium === null)(`a self-contained folder in the browser, ${where}`, () => {
  let browser: Browser
  let server: FileServer

  beforeAll(async () => {
    server = await serveFolders({
      '/models/': folder,
      '/pictures/': pictures,
      '/transformers/': join(root, 'node_modules/@huggingface/transformers/dist'),
      '/ort/': join(root, 'node_modules/onnxruntime-web/dist'),
    })
    browser = await launchChromium(chromium ?? '')
  })

  afterAll(async () => {
    await browser.close()
    await server.close()
  })

  test.for(['self-contained', 'int4'])('%s answers a question with WebAssembly', async (name) => {
    const page = await browser.newPage()
    await page.goto(`${server.origin}/models/${name}/config.json`)
    const asked = { name, question: ours[0]?.question ?? '', picture: '/pictures/000001.jpg' }
    const answer: unknown = await page.evaluate(`(${ANSWER_IN_BROWSER})(${JSON.stringify(asked)})`)
    expect(answer).toBe(ours[0]?.answer)
    await page.close()
  })
})

/** The example's steps, with transformers.js' own build for browsers. */
const ANSWER_IN_BROWSER = `async ({ name, question, picture }) => {
  const t = await import('/transformers/transformers.min.js')
  t.env.allowRemoteModels = false
  t.env.allowLocalModels = true
  t.env.useBrowserCache = false
  t.env.localModelPath = '/models/'
  t.env.backends.onnx.wasm.wasmPaths = '/ort/'
  const processor = await t.AutoProcessor.from_pretrained(name)
  const model = await t.AutoModelForImageTextToText.from_pretrained(name)
  const messages = [{ role: 'user', content: '<image>\\n' + question }]
  const prompt = processor.apply_chat_template(messages, { add_generation_prompt: true })
  const image = await t.RawImage.read(picture)
  const inputs = await processor(image, prompt, { add_special_tokens: false })
  const output = await model.generate({ ...inputs, max_new_tokens: 16, do_sample: false })
  const answer = output.slice(null, [inputs.input_ids.dims.at(-1), null])
  return processor.batch_decode(answer, { skip_special_tokens: true })[0].trim()
}`

function quantize(name: string, options: readonly string[]): void {
  const command = ['node_modules/mixbit/bin/mixbit.js', 'quantize', fixture, '--quiet']
  node([...command, ...options, '-o', join(folder, name)])
}

function answersOf(name: string, asked: readonly Asked[]): readonly string[] {
  const questions = asked.map(({ question, picture }) => ({
    question,
    picture: join(root, 'fixtures/pocket-vqa', picture),
  }))
  const job = JSON.stringify({ folder: join(folder, name), questions })
  return JSON.parse(node(['packages/mixbit/test/answer-with-transformers-js.mjs'], job))
}

/** Runs a program from the root and gives its stdout; on failure its stderr is the message. */
function node(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    input,
  })
  expect(status, `node ${args.join(' ')}\n${stderr}`).toBe(0)
  return stdout
}
