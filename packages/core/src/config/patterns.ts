import { ensure } from '../base/error.ts'

/** A precision for every layer whose name matches; the last rule that matches a layer wins. */
export type LayerRule = {
  /** A layer's whole name; `*` stands for any letters, dots included. */
  readonly pattern: string
  /** A precision name. */
  readonly precision: string
}

/** Whether `pattern` describes the whole of `name`. Takes time in proportion to both lengths. */
export function matchesPattern(pattern: string, name: string): boolean {
  const parts = pattern.split('*')
  const [first = '', ...rest] = parts
  const last = rest.pop()
  if (last === undefined) return pattern === name
  if (!name.startsWith(first) || !name.endsWith(last)) return false
  let from = first.length
  for (const part of rest) {
    const found = name.indexOf(part, from)
    if (found === -1) return false
    from = found + part.length
  }
  return from <= name.length - last.length
}

/** The precision name that the rules give to a layer; `undefined` when none matches. */
export function layerPrecision(rules: readonly LayerRule[], layer: string): string | undefined {
  return rules.findLast((rule) => matchesPattern(rule.pattern, layer))?.precision
}

/** Refuses a component that the model does not have. */
export function checkComponents(
  components: Readonly<Record<string, unknown>>,
  known: readonly string[],
): void {
  for (const component of Object.keys(components)) {
    ensure(
      known.includes(component),
      'pattern-without-match',
      `The model has no component "${component}". It has ${quoted(known)}.`,
      { component, known },
    )
  }
}

/**
 * Splits `<name>=<value>` at the last `=`, because a layer's name may hold one.
 *
 * @param option - what it was given to, for the message
 */
export function splitAssignment(
  text: string,
  option: string,
): { readonly name: string; readonly value: string } {
  const at = text.lastIndexOf('=')
  ensure(
    at > 0 && at < text.length - 1,
    'usage',
    `${option} takes <name>=<precision>, for example ${option} decoder=int4; found "${text}".`,
    { option, found: text },
  )
  return { name: text.slice(0, at), value: text.slice(at + 1) }
}

/** Names in quotation marks, with commas. */
export function quoted(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.map((name) => `"${name}"`).join(', ')
}
