import { modelIo, precisionName, storedBytes } from '@mixbit/core'
import type { LayerPlan, Plan } from '@mixbit/core'
import { hanging, findingLines } from './summary.ts'
import type { Layout } from './summary.ts'
import { formatTable } from './table.ts'
import { formatBytes, formatCount } from './units.ts'

/** What writing a weight took and cost. */
export type MeasuredLayer = { readonly bytes: number; readonly sqnrDb: number | null }

/** What `plan` shows: per component and precision how many weights and bytes, then why. */
export function planText(plan: Plan, layout: Layout): string {
  const preset = plan.preset === null ? '' : `${plan.preset} `
  const head = `${layout.paint('strong', plan.model)}  ${preset}for ${plan.target}, ${sizeOf(plan.layers)} of weights`
  return `${head}\n\n${planDetails(plan, layout)}`
}

/**
 * How weights are stored, why, and findings.
 *
 * @param measured - of weights that were written, by the names of their layers
 */
export function planDetails(
  plan: Plan,
  layout: Layout,
  measured: ReadonlyMap<string, MeasuredLayer> = new Map(),
): string {
  return [
    groupLines(plan, layout, measured),
    reasonLines(plan, layout),
    ioLines(plan, layout),
    findingLines(plan.findings, layout),
  ]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')
}

function groupLines(
  plan: Plan,
  layout: Layout,
  measured: ReadonlyMap<string, MeasuredLayer>,
): readonly string[] {
  const groups = grouped(plan.layers, (layer) =>
    [layer.component, precisionName(layer.scheme), layer.form].join('\0'),
  )
  const rows = groups.map(([key, layers]) => {
    const [component = '', precision = '', form = ''] = key.split('\0')
    const own = layers.flatMap(({ layer }) => measured.get(layer) ?? [])
    const size = own.length < layers.length ? sizeOf(layers) : measuredSize(own)
    const row = [component, precision, shortForm(form), formatCount(layers.length), size]
    return measured.size === 0 ? row : [...row, lowestSqnr(own)]
  })
  const columns = [
    { title: 'component', align: 'left' },
    { title: 'precision', align: 'left' },
    { title: 'stored as', align: 'left' },
    { title: 'weights', align: 'right' },
    { title: 'size', align: 'right' },
  ] as const
  const sqnr = { title: 'lowest SQNR', align: 'right' } as const
  return formatTable(measured.size === 0 ? columns : [...columns, sqnr], rows, layout)
}

function measuredSize(layers: readonly MeasuredLayer[]): string {
  return formatBytes(layers.reduce((sum, { bytes }) => sum + bytes, 0))
}

/** Of the weight that lost most; nothing where none lost anything. */
function lowestSqnr(layers: readonly MeasuredLayer[]): string {
  const lost = layers.flatMap(({ sqnrDb }) => sqnrDb ?? [])
  return lost.length === 0 ? '' : `${Math.min(...lost).toFixed(1)} dB`
}

/** Reasons beyond what was asked for, with how many weights each concerns. */
function reasonLines(plan: Plan, layout: Layout): readonly string[] {
  const reasons = plan.layers.flatMap((layer) => layer.reasons.slice(1))
  const groups = grouped(reasons, (reason) => reason)
  if (groups.length === 0) return []
  const title = 'weights'
  return [
    layout.paint('faint', `${title}  because`),
    ...groups.flatMap(([reason, all]) => {
      const count = formatCount(all.length).padStart(title.length)
      return hanging(`${count}  `, title.length + 2, reason, layout.width)
    }),
  ]
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

function grouped<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): readonly (readonly [string, readonly Item[]])[] {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return [...groups]
}
