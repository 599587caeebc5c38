import { modelIo, precisionName, storedBytes } from '@mixbit/core'
import type { LayerPlan, Plan } from '@mixbit/core'
import { grouped } from './grouped.ts'
import { reasonLines } from './reason-text.ts'
import { findingLines } from './summary.ts'
import type { Layout } from './summary.ts'
import { formatTable } from './table.ts'
import type { Column } from './table.ts'
import { formatBytes, formatCount, formatPercent } from './units.ts'

/** What writing a weight took and cost. */
export type MeasuredLayer = { readonly bytes: number; readonly sqnrDb: number | null }

/** `layers`: every weight and every reason too. */
export type PlanDetail = 'summary' | 'layers'

/** What `plan` shows: per component and precision how many weights and bytes, then why. */
export function planText(plan: Plan, detail: PlanDetail, layout: Layout): string {
  const preset = plan.preset === null ? '' : `${plan.preset} `
  const head = `${layout.paint('strong', plan.model)}  ${wholeSize(plan)}${preset}for ${plan.target}, ${sizeOf(plan.layers)} of weights`
  return `${head}\n\n${planDetails(plan, detail, layout)}`
}

/** Of a package: all of its files, before and after. */
function wholeSize({ package: whole }: Plan): string {
  if (whole === undefined) return ''
  const { bytesBefore, bytes, isMost } = whole
  const share = formatPercent(bytes / Math.max(1, bytesBefore), 1)
  return `${formatBytes(bytesBefore)} to ${isMost === true ? '≤ ' : ''}${formatBytes(bytes)} (${share}) `
}

/**
 * How weights are stored, why, and findings.
 *
 * @param measured - of weights that were written, by the names of their layers
 */
export function planDetails(
  plan: Plan,
  detail: PlanDetail,
  layout: Layout,
  measured: ReadonlyMap<string, MeasuredLayer> = new Map(),
): string {
  const reasons = reasonLines(plan, detail === 'layers' ? 'all' : 'kinds', layout)
  return [
    groupLines(plan, detail, layout, measured),
    ...(detail === 'layers' ? [layerLines(plan, layout, measured)] : []),
    reasons,
    ioLines(plan, layout),
    findingLines(
      // What it counts stands above, each with its reason.
      plan.findings.filter(({ code }) => reasons.length === 0 || code !== 'precision-adapted'),
      layout,
    ),
  ]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')
}

/** Groups that a table lists; the rest is summed up. */
const LISTED_GROUPS = 12

/** The one component of a single file, which tells nothing. */
const ONLY_COMPONENT = 'model'

type Group = readonly [component: string, precision: string, form: string, LayerPlan[]]

function groupLines(
  { layers }: Plan,
  detail: PlanDetail,
  layout: Layout,
  measured: ReadonlyMap<string, MeasuredLayer>,
): readonly string[] {
  const groups = grouped(layers, (layer) =>
    [layer.component, precisionName(layer.scheme), layer.form].join('\0'),
  ).map(([key, own]): Group => {
    const [component = '', precision = '', form = ''] = key.split('\0')
    return [component, precision, shortForm(form), [...own]]
  })
  const isTold = layers.some(({ component }) => component !== ONLY_COMPONENT)
  const rows = listedGroups(groups, detail).map(([component, precision, form, own]) => [
    ...(isTold ? [component] : []),
    precision,
    form,
    formatCount(own.length),
    ...costOf(own, measured),
  ])
  const columns: readonly Column[] = [
    ...(isTold ? [{ title: 'component', align: 'left' } as const] : []),
    { title: 'precision', align: 'left', isWhole: true },
    { title: 'stored as', align: 'left' },
    { title: 'weights', align: 'right' },
    { title: 'size', align: 'right' },
    ...(measured.size === 0 ? [] : [{ title: 'lowest SQNR', align: 'right' } as const]),
  ]
  return formatTable(columns, rows, layout)
}

/** The groups that take most, in their order, and one for the rest. */
function listedGroups(groups: readonly Group[], detail: PlanDetail): readonly Group[] {
  if (detail === 'layers' || groups.length <= LISTED_GROUPS) return groups
  const bySize = groups.toSorted(([, , , a], [, , , b]) => storedBytes(b) - storedBytes(a))
  const listed = new Set(bySize.slice(0, LISTED_GROUPS - 1))
  const left = groups.filter((group) => !listed.has(group))
  const all = left.flatMap(([, , , own]) => own)
  const rest: Group = ['', `${left.length} more`, '--verbose lists all', all]
  return [...groups.filter((group) => listed.has(group)), rest]
}

/** Bytes and, where weights were written, what the worst of them lost. */
function costOf(
  layers: readonly LayerPlan[],
  measured: ReadonlyMap<string, MeasuredLayer>,
): readonly string[] {
  const own = layers.flatMap(({ layer }) => measured.get(layer) ?? [])
  const size = own.length < layers.length ? sizeOf(layers) : measuredSize(own)
  return measured.size === 0 ? [size] : [size, lowestSqnr(own)]
}

function measuredSize(layers: readonly MeasuredLayer[]): string {
  return formatBytes(layers.reduce((sum, { bytes }) => sum + bytes, 0))
}

/** Of the weight that lost most; nothing where none lost anything. */
function lowestSqnr(layers: readonly MeasuredLayer[]): string {
  const lost = layers.flatMap(({ sqnrDb }) => sqnrDb ?? [])
  return lost.length === 0 ? '' : `${Math.min(...lost).toFixed(1)} dB`
}

/** Every weight. Names are whole, however long: they are copied into `--layer`. */
function layerLines(
  { layers }: Plan,
  layout: Layout,
  measured: ReadonlyMap<string, MeasuredLayer>,
): readonly string[] {
  const rows = layers.map((layer) => [
    layer.layer,
    precisionName(layer.scheme),
    shortForm(layer.form),
    ...costOf([layer], measured),
    layer.reasons.join('; '),
  ])
  const columns: readonly Column[] = [
    { title: 'layer', align: 'left' },
    { title: 'precision', align: 'left' },
    { title: 'stored as', align: 'left' },
    { title: 'size', align: 'right' },
    ...(measured.size === 0 ? [] : [{ title: 'SQNR', align: 'right' } as const]),
    { title: 'why', align: 'left' },
  ]
  return formatTable(columns, rows, { ...layout, tables: 'whole' })
}

/** Inputs and outputs that are integers, and what their codes stand for. */
function ioLines(plan: Plan, layout: Layout): readonly string[] {
  const io = modelIo(plan)
  if (io === null) return []
  const rows = (['inputs', 'outputs'] as const).flatMap((side) =>
    io[side].map(({ name, dtype, scale, zeroPoint }) => [
      side.slice(0, -1),
      name,
      dtype,
      `${scale.toPrecision(6)} * (code - ${zeroPoint})`,
    ]),
  )
  return formatTable(
    [
      { title: '', align: 'left' },
      { title: 'tensor', align: 'left' },
      { title: 'type', align: 'left' },
      { title: 'stands for', align: 'left' },
    ],
    rows,
    layout,
  )
}

/** Operations of Core ML without what all of their names begin with. */
function shortForm(form: string): string {
  return form.replaceAll('constexpr_', '')
}

/** How many values a mask keeps is known when the weight is encoded. */
function sizeOf(layers: readonly LayerPlan[]): string {
  const isMost = layers.some(({ bytes }) => bytes.isMost === true)
  return `${isMost ? '≤ ' : ''}${formatBytes(storedBytes(layers))}`
}
