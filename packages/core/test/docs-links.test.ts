import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')

/** The pages for people: those in the root, in `docs/` and of each package. */
const pages: readonly string[] = [
  ...markdownIn('.', 'flat'),
  ...markdownIn('docs', 'deep'),
  ...['core', 'mixbit', 'studio'].map((name) => `packages/${name}/README.md`),
]

test('every relative link of a page leads to a file and a heading that exist', () => {
  const links = pages.flatMap((page) => linksOf(page).map((link) => ({ page, link })))
  expect(links.length).toBeGreaterThan(40)
  expect(links.filter(({ page, link }) => !leadsSomewhere(page, link))).toEqual([])
})

test('every page of docs is reached by a link from another page', () => {
  const reached = new Set(
    pages.flatMap((page) =>
      linksOf(page).map((link) => join(dirname(page), link.split('#')[0] ?? '')),
    ),
  )
  const isReached = (page: string): boolean => reached.has(page) || reached.has(dirname(page))
  expect(pages.filter((page) => page.startsWith('docs') && !isReached(page))).toEqual([])
})

function markdownIn(folder: string, depth: 'flat' | 'deep'): readonly string[] {
  return readdirSync(join(root, folder), { recursive: depth === 'deep', encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name))
}

/** Targets of links and pictures; code blocks and addresses of other sites left out. */
function linksOf(page: string): readonly string[] {
  const text = readFileSync(join(root, page), 'utf8').replace(/^```.*?^```/gms, '')
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', heading] = link.split('#')
  const target = path === '' ? join(root, page) : join(root, dirname(page), path)
  if (!existsSync(target)) return false
  return heading === undefined || anchorsOf(readFileSync(target, 'utf8')).includes(heading)
}

/** The anchors that GitHub gives to headings: lower case, marks dropped, spaces as hyphens. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
