import { ensure } from '../base/error.ts'
import type { Report } from './report-types.ts'

/** Where the template takes the data. It appears once in the page that Vite builds. */
const DATA_SLOT = '<script type="application/json" id="report"></script>'

const TITLE = /<title>[^<]*<\/title>/

/**
 * Puts a report into the page template: the data as JSON text, the title as the page's title.
 *
 * Names of layers, answers and questions may hold any characters. None of them can end the script
 * element or become markup, because the JSON holds no `<`, `>` or `&` and the title is escaped.
 */
export function renderReport(template: string, report: Report): string {
  const parts = template.split(DATA_SLOT)
  const [head = '', tail = ''] = parts
  ensure(
    parts.length === 2 && TITLE.test(head),
    'malformed',
    'The report template must hold one title and one empty report element. Build it again with ' +
      'npm run build -w @mixbit/studio.',
    { slots: parts.length - 1 },
  )
  const titled = head.replace(TITLE, () => `<title>${escapeText(report.title)}</title>`)
  const data = DATA_SLOT.replace('><', () => `>${scriptJson(report)}<`)
  return titled + data + tail
}

/**
 * JSON that is safe inside a script element and as JavaScript source: `<`, `>`, `&` and the line
 * separators U+2028 and U+2029 are written as escapes, which JSON reads back as they were.
 *
 * @see https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements
 */
function scriptJson(value: Report): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
}

function escapeText(text: string): string {
  return text.replace(/[&<>]/g, (character) => ENTITIES[character] ?? character)
}
