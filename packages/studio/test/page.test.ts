import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { renderReport } from '../../core/src/report/render.ts'
import type { Report } from '../../core/src/report/report-types.ts'
import { findChromium, launchChromium } from './chromium.ts'
import { sampleReport } from './sample-report.ts'

const STUDIO = join(import.meta.dirname, '..')

const HOSTILE = '</script><img src=x onerror="document.title=\'owned\'"><script>document.title=1'

/** Goal of the page: small beside the model, quick to open. */
const MOST_BYTES = 400_000

const chromium = findChromium()
const sample = sampleReport()
const folder = mkdtempSync(join(tmpdir(), 'mixbit-studio-'))
let template = ''

/** Builds the template as the package's script does, into a folder of its own. */
async function buildTemplate(): Promise<string> {
  const vite = join(
    dirname(createRequire(import.meta.url).resolve('vite/package.json')),
    'bin/vite.js',
  )
  const env = { ...process.env, NODE_ENV: 'production' }
  await promisify(execFile)(process.execPath, [vite, 'build', '--outDir', folder], {
    cwd: STUDIO,
    env,
  })
  return readFileSync(join(folder, 'template.html'), 'utf8')
}

beforeAll(async () => {
  template = await buildTemplate()
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

test('the template is one small file that names no other', () => {
  expect(Buffer.byteLength(template)).toBeLessThan(MOST_BYTES)
  expect(template).not.toMatch(/<(?:script|img|iframe)[^>]*\ssrc=/)
  expect(template).not.toMatch(/<link[^>]*href="(?!data:)/)
  expect(template).not.toMatch(/@import|url\(/)
  expect(template).toMatch(/script-src 'sha256-[\w+/]{43}='/)
})

const where = chromium === null ? 'skipped: no chromium in /usr/bin or on PATH' : 'in Chromium'

describe.skipIf(chromium === null)(`the report page, ${where}`, () => {
  let browser: Browser
  const noise: string[] = []
  const requests: string[] = []
  let count = 0

  beforeAll(async () => {
    browser = await launchChromium(chromium ?? '')
  })

  afterAll(async () => {
    await browser.close()
  })

  /** Opens a report from disk and records everything that the page says and asks for. */
  async function open(report: Report | null, options: BrowserContextOptions = {}): Promise<Page> {
    const path = join(folder, `report-${count++}.html`)
    writeFileSync(path, report === null ? template : renderReport(template, report))
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options })
    page.on('console', (message) => noise.push(message.text()))
    page.on('pageerror', (error) => noise.push(String(error)))
    page.on('dialog', (dialog) => noise.push(`dialog: ${dialog.message()}`))
    page.on('request', (request) => {
      if (!/^(?:data|blob):/.test(request.url())) requests.push(request.url())
    })
    noise.length = 0
    requests.length = 0
    await page.goto(pathToFileURL(path).href)
    return page
  }

  afterEach(async () => {
    await Promise.all(browser.contexts().map(async (context) => await context.close()))
  })

  test('it opens from disk without an error and asks nothing of the network', async () => {
    const page = await open(sample)
    await page.locator('#making').scrollIntoViewIfNeeded()
    expect(noise).toEqual([])
    expect(requests).toEqual([page.url()])
    expect(await page.title()).toBe(sample.title)
  })

  test('it says the verdict, the summary and every gate', async () => {
    const page = await open(sample)
    const verdict = page.locator('#verdict')
    expect(await verdict.getByRole('heading', { level: 2 }).innerText()).toBe('Passed')
    expect(await verdict.locator('.requirement').innerText()).toBe('All 5 requirements are met.')
    expect(await verdict.locator('.summary').innerText()).toMatch(
      /^Size 8\.49\sMB → 2\.72\sMB \(−67\.9\s%\), accuracy 98\.80\s% → 98\.60\s% \(−0\.20 points\)\.$/,
    )
    const rows = page.locator('.gates tbody tr')
    expect(await rows.count()).toBe(sample.gates.length)
    expect(await rows.last().innerText()).toMatch(
      /Size\s[^]*at most 3\.20\sMB\s+2\.72\sMB\s+passed/,
    )
  })

  test('a failed gate fails the page in words', async () => {
    const gates = sample.gates.map((gate, i) =>
      i === 0 ? { ...gate, status: 'failed' as const, measured: 0.042 } : gate,
    )
    const page = await open({ ...sample, passed: false, gates })
    const verdict = await page.locator('.headline').innerText()
    expect(verdict).toMatch(/^Failed\s+1 of 5 requirements not met\./)
    expect(await page.locator('.gates tbody tr').first().innerText()).toMatch(
      /4\.20\spoints\s+failed/,
    )
  })

  test('without evaluation it says that accuracy was not measured', async () => {
    const page = await open({
      ...sample,
      before: { ...sample.before, value: null },
      after: { ...sample.after, value: null },
      evaluations: [],
      gates: sample.gates.slice(-1),
    })
    expect(await page.locator('.summary').innerText()).toContain('accuracy was not measured')
    expect(await page.locator('main').innerText()).not.toMatch(/NaN|undefined|null|Infinity/)
    expect(noise).toEqual([])
  })

  test('layers are sorted by any column, in both directions and back', async () => {
    const page = await open(sample)
    const bytes = sample.layers.map((layer) => layer.after)
    const firstName = async (): Promise<string> =>
      await page.locator('.layers button.layer').first().innerText()
    const press = async (name: RegExp): Promise<void> =>
      await page.locator('.layers thead').getByRole('button', { name }).click()
    const largest = sample.layers[bytes.indexOf(Math.max(...bytes))]?.layer
    const smallest = sample.layers[bytes.indexOf(Math.min(...bytes))]?.layer
    await press(/^After/)
    expect(await page.locator('th[aria-sort=descending]').innerText()).toMatch(/^After/)
    expect(await firstName()).toBe(largest)
    await press(/^After/)
    expect(await firstName()).toBe(smallest)
    await press(/^After/)
    expect(await firstName()).toBe(sample.layers[0]?.layer)
  })

  test('layers are found by words and by component', async () => {
    const page = await open(sample)
    const names = page.locator('.layers button.layer')
    await page.getByLabel('Search').fill('MLP int4')
    const expected = sample.layers.filter(
      (layer) => layer.layer.includes('mlp') && layer.precision.includes('int4'),
    )
    expect(await names.allInnerTexts()).toEqual(expected.map((layer) => layer.layer))
    expect(await page.locator('.shown').innerText()).toBe(
      `${expected.length} of ${sample.layers.length} layers`,
    )
    await page.getByLabel('Component').selectOption('text_encoder')
    expect(await page.locator('.scroll').innerText()).toContain('No layer matches.')
    await page.getByLabel('Search').fill('')
    expect(await names.allInnerTexts()).toEqual(['text_encoder.embed_tokens.weight'])
  })

  test('a layer opens by keyboard and shows its histogram and reasons', async () => {
    const page = await open(sample)
    const layer = sample.layers.find((one) => one.role === 'tied-embedding')
    const button = page.locator('button.layer', { hasText: 'embed_tokens' })
    await button.focus()
    await page.keyboard.press('Enter')
    expect(await button.getAttribute('aria-expanded')).toBe('true')
    const detail = page.locator('.layer-detail')
    expect(await detail.locator('.histogram rect').count()).toBe(layer?.histogram?.counts.length)
    expect(await detail.locator('.reasons li').allInnerTexts()).toEqual(layer?.reasons)
    await page.keyboard.press('Enter')
    expect(await detail.count()).toBe(0)
  })

  test('a thousand layers are sorted and searched', async () => {
    const layers = Array.from({ length: 1000 }, (_, i) => sample.layers[i % 100] ?? []).flat()
    const page = await open({ ...sample, layers })
    const rows = page.locator('button.layer')
    expect(await rows.count()).toBe(1000)
    await page.locator('.layers thead button').first().click()
    expect(await rows.count()).toBe(1000)
    await page.locator('.controls input').first().fill('mlp')
    const wanted = layers.filter(({ layer }) => layer.includes('mlp')).length
    expect(wanted).toBeGreaterThan(0)
    expect(wanted).toBeLessThan(1000)
    await expect.poll(() => rows.count()).toBe(wanted)
  })

  test('changed answers come worse first and can be filtered', async () => {
    const page = await open({ ...sample, evaluations: sample.evaluations.slice(0, 1) })
    const cards = page.locator('.card')
    const changed = sample.evaluations[0]?.changed ?? []
    const better = changed.filter((change) => change.scoreAfter > change.scoreBefore)
    expect(await cards.first().getAttribute('class')).toBe('card worse')
    expect(await cards.count()).toBe(12)
    await page.getByRole('button', { name: `Show all ${changed.length}` }).click()
    expect(await cards.count()).toBe(changed.length)
    await page.getByText('Better').click()
    expect(await cards.count()).toBe(better.length)
    expect(await page.locator('.card.worse').count()).toBe(0)
    const loaded = await page
      .locator('img')
      .evaluateAll((images) => images.filter((image) => image.clientWidth > 0).length)
    expect(loaded).toBe(better.length)
  })

  test('hostile text is text, and hostile pictures are not loaded', async () => {
    const page = await open(hostileReport())
    await page.locator('button.layer').first().click()
    const text = await page.locator('main').innerText()
    expect(text.split(HOSTILE).length).toBeGreaterThan(20)
    expect(await page.title()).toBe(HOSTILE)
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.locator('script').count()).toBe(2)
    expect(noise).toEqual([])
    expect(requests).toEqual([page.url()])
  })

  test('its policy stops markup that would run a script', async () => {
    const page = await open(sample)
    await page.evaluate(() => {
      document.body.insertAdjacentHTML('beforeend', '<img src="data:," onerror="document.title=1">')
    })
    await page.waitForTimeout(100)
    expect(await page.title()).toBe(sample.title)
    expect(noise.join()).toContain('Content Security Policy')
  })

  test('it follows the colour scheme, and paper is always light', async () => {
    const page = await open(sample, { colorScheme: 'dark' })
    const colours = async (): Promise<readonly string[]> =>
      await page.evaluate(() => {
        const { backgroundColor, color } = getComputedStyle(document.body)
        return [backgroundColor, color]
      })
    const dark = await colours()
    await page.emulateMedia({ colorScheme: 'light' })
    const light = await colours()
    await page.emulateMedia({ colorScheme: 'dark', media: 'print' })
    expect(light[0]).toBe('rgb(255, 255, 255)')
    expect(dark).not.toEqual(light)
    expect(await colours()).toEqual(light)
  })

  test('on paper all layers are there and nothing is there to press', async () => {
    const page = await open(sample)
    await page.emulateMedia({ media: 'print' })
    for (const control of ['.contents', '.controls', '.choices', '.report-file']) {
      expect(await page.locator(control).first().isVisible(), control).toBe(false)
    }
    const { shown, whole } = await page
      .locator('.scroll')
      .evaluate((box) => ({ shown: box.clientHeight, whole: box.scrollHeight }))
    expect(shown).toBe(whole)
    const pdf = await page.pdf({ format: 'A4' })
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-')
  })

  test.for([360, 768, 1600])('at %d pixels nothing is wider than the screen', async (width) => {
    const page = await open(sample, { viewport: { width, height: 800 } })
    await page.locator('button.layer').first().click()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
  })

  test('its structure can be read aloud', async () => {
    const page = await open(sample)
    await page.locator('button.layer').first().click()
    const levels = await page
      .locator('h1, h2, h3, h4')
      .evaluateAll((headings) => headings.map((heading) => Number(heading.tagName.slice(1))))
    expect(levels.filter((level) => level === 1)).toHaveLength(1)
    for (const [i, level] of levels.entries()) {
      expect(level - (levels[i - 1] ?? 0), `heading ${i}`).toBeLessThanOrEqual(1)
    }
    expect(await page.locator('th:not([scope])').count()).toBe(0)
    expect(await page.locator('img:not([alt])').count()).toBe(0)
    expect(await page.locator('svg:not([aria-hidden])').count()).toBe(0)
  })

  test('the download is the same report', async () => {
    const page = await open(sample)
    const waiting = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Download report.json' }).click()
    const download = await waiting
    expect(download.suggestedFilename()).toBe('report.json')
    expect(JSON.parse(readFileSync(await download.path(), 'utf8'))).toEqual(sample)
  })

  test('the empty template says that it is empty', async () => {
    const page = await open(null)
    expect(await page.locator('#page').innerText()).toContain('no report was put into it')
  })
})

/** A report whose every free text is an attack. */
function hostileReport(): Report {
  const [evaluation] = sample.evaluations
  const [layer] = sample.layers
  const [change] = evaluation?.changed ?? []
  if (!evaluation || !layer || !change) throw new TypeError('the sample has no rows')
  const hostileChange = {
    ...change,
    question: HOSTILE,
    questionType: HOSTILE,
    expected: HOSTILE,
    before: HOSTILE,
    after: HOSTILE,
  }
  const pictures = [
    'https://example.com/x.png',
    'data:text/html,<script>alert(1)</script>',
    'data:image/svg+xml,<svg onload="alert(1)"/>',
    'javascript:alert(1)',
  ]
  return {
    ...sample,
    title: HOSTILE,
    gates: [{ name: HOSTILE, status: 'passed', limit: 1, measured: 0, text: HOSTILE }],
    components: [{ component: HOSTILE, precision: HOSTILE, parameters: 1, before: 2, after: 1 }],
    layers: [
      {
        ...layer,
        layer: HOSTILE,
        component: HOSTILE,
        role: HOSTILE,
        precision: HOSTILE,
        form: HOSTILE,
        algorithm: HOSTILE,
        reasons: [HOSTILE],
      },
    ],
    evaluations: [
      {
        ...evaluation,
        name: HOSTILE,
        before: { ...evaluation.before, byQuestionType: { [HOSTILE]: accuracy } },
        after: { ...evaluation.after, byQuestionType: { [HOSTILE]: accuracy } },
        changed: pictures.map((picture) => ({ ...hostileChange, picture })),
      },
    ],
    findings: [{ code: HOSTILE, severity: 'warning', message: HOSTILE, subject: HOSTILE }],
    files: [{ path: HOSTILE, bytes: 1, sha256: HOSTILE }],
    steps: [{ name: HOSTILE, seconds: 1, note: HOSTILE }],
    provenance: [{ name: HOSTILE, value: HOSTILE }],
    config: { [HOSTILE]: HOSTILE },
  }
}

const accuracy = { value: 0.5, low: 0.4, high: 0.6, samples: 10 }
