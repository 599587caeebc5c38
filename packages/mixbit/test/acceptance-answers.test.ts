import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { evaluateModel, openForEvaluation } from '@mixbit/core'
import { afterAll, expect, test } from 'vitest'
import { createNodeHost } from '../src/index.ts'
import { nano, pocketVqa, root } from './built-mixbit.ts'

const folder = mkdtempSync(join(tmpdir(), 'mixbit-answers-'))

afterAll(() => {
  rmSync(folder, { recursive: true })
})

type Reference = readonly { readonly question_id: number; readonly answer: string }[]

test('the float graphs give the answers of the PyTorch model on at least 199 of 200 questions', async () => {
  const reference: Reference = JSON.parse(
    readFileSync(join(nano, 'reference/val_first200_answers.json'), 'utf8'),
  )
  const workerUrl = new URL(`file://${join(root, 'packages/mixbit/dist/worker.js')}`)
  const host = createNodeHost({ workers: 2, workerUrl })
  try {
    const { answers } = await evaluateModel(host, {
      folder: nano,
      files: await openForEvaluation(host, nano, folder, null),
      data: pocketVqa('val'),
      limit: reference.length,
      numerics: 'faithful',
      stage: 'evaluate',
      now: () => 0,
    })
    const given = new Map(answers.map(({ id, answer }) => [id, answer]))
    const same = reference.filter((each) => given.get(each.question_id) === each.answer)
    expect(reference).toHaveLength(200)
    expect(same.length).toBeGreaterThanOrEqual(199)
  } finally {
    await host.dispose()
  }
})
