import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MixbitError } from '../base/error.ts'
import { renderReport } from './render.ts'
import type { Report } from './report-types.ts'

const TEMPLATE =
  '<!doctype html><html><head><title>Mixbit report</title><script>start()</script></head>' +
  '<body><script type="application/json" id="report"></script><p>after</p></body></html>'

const EMPTY: Report = {
  schema: 'mixbit/report@1',
  title: 'nano',
  passed: true,
  before: { bytes: 2, value: null },
  after: { bytes: 1, value: null },
  gates: [],
  components: [],
  layers: [],
  evaluations: [],
  findings: [],
  files: [],
  steps: [],
  provenance: [],
  config: {},
}

/** The text of the data element, as an HTML parser finds it: up to the first `</script`. */
function dataOf(page: string): string {
  const open = 'id="report">'
  const start = page.indexOf(open) + open.length
  return page.slice(start, page.toLowerCase().indexOf('</script', start))
}

/** What a parser makes of the three entities that the title may hold. */
function titleOf(page: string): string {
  const text = page.slice(page.indexOf('<title>') + 7, page.indexOf('</title>'))
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

test('the data goes into its element, the title into the head, and the rest stays', () => {
  const page = renderReport(TEMPLATE, EMPTY)
  expect(page).toBe(
    TEMPLATE.replace('Mixbit report', 'nano').replace(
      'id="report">',
      () => `id="report">${JSON.stringify(EMPTY)}`,
    ),
  )
})

test.for([
  { name: 'the end of a script', text: '</script><script>alert(1)</script>' },
  { name: 'the end of a title', text: '</title><img src=x onerror=alert(1)>' },
  { name: 'the start of a comment', text: '<!-- <script>' },
  { name: 'line separators', text: 'a\u2028b\u2029c' },
  { name: 'replacement patterns', text: "$& $` $' $1 $$" },
  { name: 'an entity', text: '&lt;b&gt; & "quoted" \'single\'' },
  { name: 'the slot itself', text: '<script type="application/json" id="report"></script>' },
])('$name in a name stays text', ({ text }) => {
  const report = { ...EMPTY, title: text, provenance: [{ name: text, value: text }] }
  const page = renderReport(TEMPLATE, report)
  expect(dataOf(page)).not.toMatch(/[<>&\u2028\u2029]/)
  expect(JSON.parse(dataOf(page))).toEqual(report)
  expect(titleOf(page)).toBe(text)
  expect(page.match(/<script/g)).toHaveLength(2)
})

test('any text comes back as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (title, value) => {
      const report = { ...EMPTY, title, provenance: [{ name: value, value: title }] }
      const page = renderReport(TEMPLATE, report)
      expect(JSON.parse(dataOf(page))).toEqual(report)
      expect(titleOf(page)).toBe(title)
    }),
  )
})

test.for([
  { name: 'no place for the data', template: '<title>x</title>' },
  { name: 'two places', template: TEMPLATE + TEMPLATE },
  { name: 'no title', template: TEMPLATE.replace('<title>Mixbit report</title>', '') },
])('a template with $name is refused', ({ template }) => {
  expect(() => renderReport(template, EMPTY)).toThrow(MixbitError)
})
