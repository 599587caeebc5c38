import type { Plan } from '@mixbit/core'
import { grouped } from './grouped.ts'
import { hanging } from './summary.ts'
import type { Layout } from './summary.ts'
import { formatCount } from './units.ts'

/** Kinds of reasons that are listed; the rest is counted. */
const LISTED_KINDS = 8

/** Numbers and names of one kind of reason that are listed. */
const LISTED_WORDS = 3

const TITLE = 'weights'

/**
 * Reasons beyond what was asked for, with how many weights each concerns, the most first.
 *
 * @param detail - `kinds`: reasons that differ in numbers and names only are one; `all`: each as it is
 */
export function reasonLines(
  { layers }: Pick<Plan, 'layers'>,
  detail: 'kinds' | 'all',
  layout: Layout,
): readonly string[] {
  const reasons = layers.flatMap((layer) => layer.reasons.slice(1))
  const groups = grouped(reasons, (reason) => (detail === 'all' ? reason : kindOf(reason)))
    .map(([, all]) => all)
    .toSorted((a, b) => b.length - a.length)
  if (groups.length === 0) return []
  const listed =
    detail === 'all' || groups.length <= LISTED_KINDS ? groups.length : LISTED_KINDS - 1
  const left = groups.slice(listed)
  const rows = groups.slice(0, listed).map((all) => [all.length, mergedReason(all)] as const)
  const more = [weightsIn(left), `and ${left.length} more reasons; --verbose lists all`] as const
  return [
    layout.paint('faint', `${TITLE}  because`),
    ...[...rows, ...(left.length > 0 ? [more] : [])].flatMap(([count, text]) =>
      hanging(
        `${formatCount(count).padStart(TITLE.length)}  `,
        TITLE.length + 2,
        text,
        layout.width,
      ),
    ),
  ]
}

function weightsIn(groups: readonly (readonly string[])[]): number {
  return groups.reduce((sum, all) => sum + all.length, 0)
}

/** A word with a digit in it or a quoted name, and the sign behind it: what varies within a kind. */
const VARYING = /("[^"]*"|[^\s"]*\d[^\s"]*?)([,:;.)]*)(?=\s|$)/gu

function kindOf(reason: string): string {
  return reason.replaceAll(VARYING, '#$2')
}

/** Reasons of one kind as one: `blocks of 32 do not divide 48, 36 or 40 input channels`. */
function mergedReason(reasons: readonly string[]): string {
  const [first = ''] = reasons
  const words = reasons.map((reason) => [...reason.matchAll(VARYING)].map(([, word = '']) => word))
  let at = 0
  return first.replaceAll(VARYING, (_, _word: string, sign: string) => {
    const own = [...new Set(words.map((each) => each[at] ?? ''))]
    at++
    return either(own) + sign
  })
}

function either(words: readonly string[]): string {
  if (words.length > LISTED_WORDS) return `${words.slice(0, LISTED_WORDS).join(', ')}, …`
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`
}
