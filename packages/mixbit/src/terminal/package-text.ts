import type { PackageFeature, PackageFunction, PackageInterface } from '@mixbit/core'
import { hanging } from './summary.ts'
import type { Layout } from './summary.ts'
import { printable, textWidth } from './text.ts'
import { formatCount } from './units.ts'

/** What one list names before the rest is only counted. */
type Limits = {
  readonly functions: number
  readonly features: number
  readonly keys: number
  readonly shapes: number
  /** Letters of what an author says: a description may be a whole page. */
  readonly letters: number
}

const SHORT: Limits = { functions: 4, features: 8, keys: 4, shapes: 4, letters: 200 }
const WHOLE: Limits = {
  functions: Infinity,
  features: Infinity,
  keys: Infinity,
  shapes: Infinity,
  letters: Infinity,
}

/** The longest label, `function`, and a gap. */
const LABEL_WIDTH = 10

/** Types of longer names are not aligned. */
const LONGEST_NAME = 32

/** What coremltools notes in every package that it makes. */
const OF_COREMLTOOLS = 'com.github.apple.coremltools.'

/** A label, and what stands behind it. */
type Row = readonly [label: string, text: string]

/**
 * What a package is to an app: the systems that read it, its functions with what they take and give, and
 * what its author says of it.
 *
 * @param detail - `layers`: every function, input, output and key, however many
 */
export function packageLines(
  about: PackageInterface,
  detail: 'components' | 'layers',
  layout: Layout,
): readonly string[] {
  const limits = detail === 'layers' ? WHOLE : SHORT
  const { systems, specificationVersion, functions } = about
  const opsets = [...new Set(functions.map(({ opset }) => opset))]
  const [common = ''] = opsets.length === 1 ? opsets : []
  const operators = common === '' ? '' : `, operators ${common}`
  const rows: readonly Row[] = [
    ['needs', `${systems}, or later (specification version ${specificationVersion}${operators})`],
    ...functions
      .slice(0, limits.functions)
      .flatMap((each) => functionRows(each, functions.length > 1, common, limits)),
    ...moreRow('function', functions.length - limits.functions, 'functions'),
    ...metadataRows(about.metadata, limits),
  ]
  return rows.flatMap(([label, text]) =>
    hanging(layout.paint('faint', label.padEnd(LABEL_WIDTH)), LABEL_WIDTH, text, layout.width),
  )
}

/** A function that is the only one needs no name. */
function functionRows(
  { name, isDefault, opset, inputs, outputs, states }: PackageFunction,
  isNamed: boolean,
  common: string,
  limits: Limits,
): readonly Row[] {
  const facts = [
    ...(isDefault ? ['by default'] : []),
    ...(opset === common ? [] : [`operators ${opset}`]),
  ]
  const width = nameWidth([...inputs, ...states, ...outputs])
  return [
    ...(isNamed ? [['function', [`"${name}"`, ...facts].join(', ')] as const] : []),
    ...featureRows('input', inputs, width, limits),
    ...featureRows('state', states, width, limits),
    ...featureRows('output', outputs, width, limits),
  ]
}

/** Types stand below each other, as far as names allow. */
function nameWidth(features: readonly PackageFeature[]): number {
  const widths = features.map(({ name }) => textWidth(printable(name)))
  return widths.filter((width) => width <= LONGEST_NAME).reduce((a, b) => Math.max(a, b), 0)
}

function featureRows(
  label: string,
  features: readonly PackageFeature[],
  width: number,
  limits: Limits,
): readonly Row[] {
  const listed = features.slice(0, limits.features)
  return [
    ...listed.map((each): Row => {
      const name = printable(each.name)
      const gap = ' '.repeat(Math.max(0, width - textWidth(name)) + 2)
      return [label, `${name}${gap}${typeText(each, limits)}`]
    }),
    ...moreRow(label, features.length - limits.features, `${label}s`),
  ]
}

function moreRow(label: string, count: number, what: string): readonly Row[] {
  return count > 0 ? [[label, `and ${formatCount(count)} more ${what}; --verbose lists all`]] : []
}

/** `float16 [1, 3, 64, 64]`, `RGB image, 64 x 64 pixels`. */
function typeText(feature: PackageFeature, limits: Limits): string {
  const { kind, isOptional } = feature
  const text =
    kind === 'image'
      ? imageText(feature, limits)
      : kind === 'array' || kind === 'state'
        ? arrayText(feature, limits)
        : kind
  return isOptional ? `${text}, optional` : text
}

function arrayText(feature: PackageFeature, limits: Limits): string {
  const { dtype, shape, shapes = [], ranges } = feature
  const [type, own] = [dtype ?? 'array', shape === null ? '' : ` ${shapeText(shape)}`]
  if (ranges !== undefined) return `${type}${own}, sizes [${ranges.map(rangeText).join(', ')}]`
  const others = shapes.map(shapeText).filter((each) => each !== own.trim())
  return `${type}${own}${othersText(others, limits)}`
}

/** Width before height, as pictures have it. */
function imageText(
  { colours, shape, shapes = [], ranges }: PackageFeature,
  limits: Limits,
): string {
  const [height, width] = shape ?? []
  const own = `${width ?? '?'} x ${height ?? '?'}`
  const head = `${colours === undefined ? '' : `${colours} `}image, ${own} pixels`
  const [rows, columns] = ranges ?? []
  if (rows !== undefined && columns !== undefined) {
    return `${head}, sizes ${rangeText(columns)} x ${rangeText(rows)}`
  }
  const others = shapes
    .map(([high, wide]) => `${wide ?? '?'} x ${high ?? '?'}`)
    .filter((each) => each !== own)
  return `${head}${othersText(others, limits)}`
}

function othersText(others: readonly string[], { shapes }: Limits): string {
  const listed = others.slice(0, shapes).map((each) => ` or ${each}`)
  const more = others.length - listed.length
  return `${listed.join('')}${more > 0 ? ` or ${formatCount(more)} more` : ''}`
}

function shapeText(shape: readonly (number | null)[]): string {
  return `[${shape.map((size) => size ?? '?').join(', ')}]`
}

function rangeText({
  least,
  most,
}: {
  readonly least: number
  readonly most: number | null
}): string {
  if (least === most) return String(least)
  return most === null ? `${least} or more` : `${least} to ${most}`
}

function metadataRows(
  { shortDescription, author, version, license, userDefined }: PackageInterface['metadata'],
  limits: Limits,
): readonly Row[] {
  const told = [
    ['about', shortDescription],
    ['author', author],
    ['version', version],
    ['license', license],
  ] as const
  return [
    ...told.flatMap(([label, text]) =>
      text === null || text.trim() === '' ? [] : [[label, cut(text, limits)] as const],
    ),
    ...(userDefined.length === 0 ? [] : [['metadata', keysText(userDefined, limits)] as const]),
  ]
}

/** Names of keys: what an author added, before what coremltools always does. */
function keysText(names: readonly string[], limits: Limits): string {
  const own = names.filter((name) => !name.startsWith(OF_COREMLTOOLS))
  const tools = names.filter((name) => name.startsWith(OF_COREMLTOOLS))
  const listed = [...own, ...(limits.keys === Infinity ? tools : [])].slice(0, limits.keys)
  const more = own.length - limits.keys
  return [
    ...listed.map((name) => cut(name, limits)),
    ...(more > 0 ? [`${formatCount(more)} more`] : []),
    ...(limits.keys === Infinity || tools.length === 0
      ? []
      : [`${formatCount(tools.length)} ${tools.length === 1 ? 'key' : 'keys'} of coremltools`]),
  ].join(', ')
}

function cut(text: string, { letters }: Limits): string {
  const all = Array.from(text.slice(0, letters * 2))
  return all.length <= letters ? text : `${all.slice(0, letters).join('')}…`
}
